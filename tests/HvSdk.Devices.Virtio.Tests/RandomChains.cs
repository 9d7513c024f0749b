using HvSdk.Testing;

namespace HvSdk.Devices.Virtio.Tests;

/// <summary>Chains of any shape, for drivers that do not care which one a device expects.</summary>
internal static class RandomChains
{
    /// <summary>One buffer, or both, or both twice in a table of their own.</summary>
    public static void AddAnyShape(this VirtqueueDriver queue, Random random, DriverBuffer readable, DriverBuffer writable)
    {
        switch (random.Next(4))
        {
            case 0:
                queue.Add(readable);
                break;
            case 1:
                queue.Add(writable);
                break;
            case 2:
                queue.Add(readable, writable);
                break;
            default:
                queue.AddIndirect(readable, readable, writable, writable);
                break;
        }
    }
}
