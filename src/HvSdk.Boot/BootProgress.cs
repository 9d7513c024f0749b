namespace HvSdk.Boot;

/// <summary>How far the loading of an image is.</summary>
/// <param name="Step">What is being done, for people: "unpacking the kernel".</param>
/// <param name="Done">Bytes done in this step.</param>
/// <param name="Total">Bytes in this step, or 0 where nobody knows.</param>
public readonly record struct BootProgress(string Step, long Done, long Total);
