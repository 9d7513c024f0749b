// A process has one virtual machine at a time: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
