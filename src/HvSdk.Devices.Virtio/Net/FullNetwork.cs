namespace HvSdk.Devices.Virtio;

/// <summary>What happens to a guest's frame where the other side has no room for it.</summary>
public enum FullNetwork
{
    /// <summary>The guest waits. Nothing is lost, and a slow other side makes a slow guest.</summary>
    Wait,

    /// <summary>The frame is thrown away and counted, as on a real network: the guest goes on, whatever the other side does.</summary>
    Drop,
}
