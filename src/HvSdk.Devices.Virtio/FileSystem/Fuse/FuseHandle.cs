namespace HvSdk.Devices.Virtio;

/// <summary>What a guest has open.</summary>
/// <param name="Node">Of which node.</param>
/// <param name="File">The file; null for a directory.</param>
/// <param name="Modes">What it was opened for.</param>
internal sealed record FuseHandle(SharedNode Node, OpenFile? File, OpenModes Modes);
