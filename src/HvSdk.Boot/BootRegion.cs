namespace HvSdk.Boot;

/// <summary>Memory that an image brings along.</summary>
/// <param name="Address">First GPA, a multiple of 4 KiB.</param>
/// <param name="Size">Size in bytes, a multiple of 4 KiB.</param>
/// <param name="Access">What the guest may do there. Where it may write, RAM that the machine has there anyway does as well.</param>
/// <param name="Name">A name for people.</param>
public readonly record struct BootRegion(ulong Address, ulong Size, MemoryAccess Access, string Name);
