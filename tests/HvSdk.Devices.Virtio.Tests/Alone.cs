namespace HvSdk.Devices.Virtio.Tests;

/// <summary>Tests that look at the memory of the process run without others beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
