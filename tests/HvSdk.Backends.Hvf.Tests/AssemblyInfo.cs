// The fake framework is one for the process, as the real one is: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]
