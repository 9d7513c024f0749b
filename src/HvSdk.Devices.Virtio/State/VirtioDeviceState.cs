using System.Text.Json.Serialization;

namespace HvSdk.Devices.Virtio;

/// <summary>What one kind of device keeps beside its queues. A base for the records of devices of your own.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(BlockDeviceState), "block")]
public abstract record VirtioDeviceState;
