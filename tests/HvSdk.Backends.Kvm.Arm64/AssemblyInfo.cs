[assembly: CaptureConsole]
[assembly: CollectionBehavior(DisableTestParallelization = true)] // the machine has one emulated processor or two
