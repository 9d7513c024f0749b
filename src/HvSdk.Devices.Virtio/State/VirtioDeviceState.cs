using System.Text.Json.Serialization;

namespace HvSdk.Devices.Virtio;

/// <summary>What one kind of device keeps beside its queues. A base for the records of devices of your own.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(BalloonDeviceState), "balloon")]
[JsonDerivedType(typeof(BlockDeviceState), "block")]
[JsonDerivedType(typeof(ConsoleDeviceState), "console")]
[JsonDerivedType(typeof(FileSystemDeviceState), "fileSystem")]
[JsonDerivedType(typeof(NetworkDeviceState), "network")]
[JsonDerivedType(typeof(VsockDeviceState), "vsock")]
public abstract record VirtioDeviceState;
