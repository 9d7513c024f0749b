namespace HvSdk.Devices.Virtio;

/// <summary>What a guest wants to make.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Permissions">Permission bits, 0 to 07777; the guest's umask has been taken off.</param>
/// <param name="UserId">The user that makes it.</param>
/// <param name="GroupId">The user's group.</param>
/// <param name="DeviceNumber">Of a device file.</param>
public readonly record struct NewNode(NodeKind Kind, uint Permissions, uint UserId, uint GroupId, uint DeviceNumber = 0);
