namespace HvSdk.Testing;

/// <summary>A buffer as a driver offers it.</summary>
/// <param name="Address">GPA.</param>
/// <param name="Length">Bytes.</param>
/// <param name="IsWritable">The device writes; else it reads.</param>
public readonly record struct DriverBuffer(ulong Address, uint Length, bool IsWritable);

/// <summary>What a device has given back.</summary>
/// <param name="Id">What <see cref="VirtqueueDriver.Add"/> returned.</param>
/// <param name="Written">Bytes that the device says it has written.</param>
public readonly record struct UsedBuffer(ushort Id, uint Written);
