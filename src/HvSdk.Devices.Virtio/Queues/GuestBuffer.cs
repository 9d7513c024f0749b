namespace HvSdk.Devices.Virtio;

/// <summary>One buffer of a chain: all of it was in memory when the chain was taken.</summary>
internal readonly record struct GuestBuffer(ulong Address, uint Length);
