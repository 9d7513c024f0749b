using System.Globalization;

namespace HvSdk.Boot;

/// <summary>The nodes that each arm64 machine has: root, chosen, cpus, psci, timer, interrupt controller, memory.</summary>
internal static class Arm64PlatformNodes
{
    /* The architected timer's private interrupts, as the Server Base System Architecture recommends them: secure and non-secure physical, virtual, hypervisor. */
    private const int SecurePhysicalTimer = 29;
    private const int PhysicalTimer = 30;
    private const int VirtualTimer = 27;
    private const int HypervisorTimer = 26;

    /// <summary>Adds them all.</summary>
    /// <returns>The interrupt controller's node.</returns>
    public static DeviceTreeNode Add(DeviceTree tree, Arm64Platform platform)
    {
        DeviceTreeNode root = tree.Root
            .Set("compatible", "linux,dummy-virt")
            .Set("model", "HvSdk virtual machine")
            .Set("#address-cells", 2)
            .Set("#size-cells", 2);
        root.Add("chosen");
        AddProcessors(root, platform);
        root.Add("psci").Set("compatible", "arm,psci-1.0", "arm,psci-0.2").Set("method", "hvc");
        root.Add("timer")
            .Set("compatible", "arm,armv8-timer")
            .Set("interrupts", [.. new[] { SecurePhysicalTimer, PhysicalTimer, VirtualTimer, HypervisorTimer }.SelectMany(GicInterrupt.Private)])
            .Set("always-on");
        AddMemory(tree, platform);
        DeviceTreeNode gic = AddGic(root, platform);
        root.Set("interrupt-parent", gic.Phandle);
        root.Set("dma-coherent"); // devices see what the processors' caches hold
        return gic;
    }

    private static void AddProcessors(DeviceTreeNode root, Arm64Platform platform)
    {
        // Aff3 stands in a cell of its own (bindings/arm/cpus.yaml).
        bool isWide = platform.Affinities.Any(static affinity => affinity >> 32 != 0);
        DeviceTreeNode cpus = root.Add("cpus").Set("#address-cells", isWide ? 2U : 1).Set("#size-cells", 0);
        foreach (ulong affinity in platform.Affinities)
        {
            DeviceTreeNode cpu = cpus.Add(string.Create(CultureInfo.InvariantCulture, $"cpu@{affinity:x}"))
                .Set("device_type", "cpu")
                .Set("compatible", "arm,armv8")
                .Set("enable-method", "psci");
            if (isWide)
            {
                cpu.SetNumbers("reg", affinity);
            }
            else
            {
                cpu.Set("reg", (uint)affinity);
            }
        }
    }

    private static void AddMemory(DeviceTree tree, Arm64Platform platform)
    {
        foreach (MemoryMapEntry entry in platform.Memory.Where(static entry => entry.Size > 0))
        {
            // The node names all RAM; what is not for use is reserved beside it.
            tree.Root.Add(string.Create(CultureInfo.InvariantCulture, $"memory@{entry.Address:x}")).Set("device_type", "memory").SetNumbers("reg", entry.Address, entry.Size);
            if (entry.Kind != MemoryMapKind.Usable)
            {
                tree.Reserve(entry.Address, entry.Size);
            }
        }
    }

    private static DeviceTreeNode AddGic(DeviceTreeNode root, Arm64Platform platform) =>
        root.Add(string.Create(CultureInfo.InvariantCulture, $"interrupt-controller@{platform.Gic.DistributorAddress:x}"))
            .Set("compatible", "arm,gic-v3")
            .Set("#interrupt-cells", GicInterrupt.Cells)
            .Set("#address-cells", 0)
            .Set("interrupt-controller")
            .SetNumbers(
                "reg", platform.Gic.DistributorAddress, Arm64GicLayout.DistributorSize, platform.Gic.RedistributorAddress,
                Arm64GicLayout.RedistributorSize * (ulong)platform.Affinities.Count);
}
