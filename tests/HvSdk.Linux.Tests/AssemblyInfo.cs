// A guest needs the processor for itself: the nested machine has one.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
