using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.Boot.Tests.Arm64;

/// <summary>Guest memory of an arm64 machine without a hypervisor, with RAM from 1 GiB on.</summary>
internal sealed class Arm64Bench : IDisposable
{
    internal const ulong Ram = 0x4000_0000;

    private readonly Hypervisor _hypervisor;
    private readonly Partition _partition;

    internal Arm64Bench(ulong size = 64 << 20, IReadOnlyList<BootRegion>? regions = null)
    {
        var tree = new DeviceTree();
        tree.Root.Set("model", "bench");
        Machine = new BootMachine { MemoryMap = [new(Ram, size, MemoryMapKind.Usable)], DeviceTree = tree };
        _hypervisor = Hypervisor.Open(new ScriptedBackend());
        _partition = _hypervisor.CreatePartition();
        Memory.Map(Ram, size);
        foreach (BootRegion region in regions ?? [])
        {
            Memory.Map(region.Address, region.Size, new MemoryRegionOptions { Access = region.Access });
        }
    }

    internal BootMachine Machine { get; set; }

    internal GuestMemory Memory => _partition.Memory;

    internal Arm64BootState Load(Arm64BootImage image) => image.Load(Machine, Memory);

    internal byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Memory.Read(address, bytes);
        return bytes;
    }

    /// <summary>The machine's tree as it should be found, with some changes.</summary>
    internal byte[] Tree(Action<DeviceTreeNode> change)
    {
        DeviceTree tree = Machine.DeviceTree!.Copy();
        change(tree.Root);
        return tree.ToArray();
    }

    public void Dispose()
    {
        _partition.Dispose();
        _hypervisor.Dispose();
    }
}
