namespace HvSdk.Boot;

/// <summary>A device tree that is being written (Devicetree Specification 0.4): what tells a guest of its machine where nothing can be probed.</summary>
/// <remarks>Not for several threads at once.</remarks>
/// <example>
/// <code>
/// var tree = new DeviceTree();
/// tree.Root.Set("compatible", "linux,dummy-virt").Set("#address-cells", 2).Set("#size-cells", 2);
/// DeviceTreeNode clock = tree.Root.Add("clock").Set("compatible", "fixed-clock").Set("#clock-cells", 0).Set("clock-frequency", 24_000_000);
/// tree.Root.Add("serial@9000000")
///     .Set("compatible", "arm,pl011", "arm,primecell")
///     .SetNumbers("reg", 0x900_0000, 0x1000)
///     .Set("clocks", clock.Phandle, clock.Phandle);
/// byte[] blob = tree.ToArray();
/// </code>
/// </example>
public sealed class DeviceTree
{
    /// <summary>The most bytes that a tree may have: 2 MiB, which is what a Linux kernel for arm64 takes (Documentation/arch/arm64/booting.rst, 2).</summary>
    public const int MaxSize = 2 << 20;

    private readonly List<DeviceTreeReservation> _reservations = [];
    private uint _lastPhandle;

    /// <summary>Makes a tree with an empty root.</summary>
    public DeviceTree() => Root = new DeviceTreeNode(this, "", 0);

    /// <summary>The root node.</summary>
    public DeviceTreeNode Root { get; }

    /// <summary>The boot processor's reg (boot_cpuid_phys; Devicetree Specification 0.4, 5.2).</summary>
    public uint BootProcessor { get; set; }

    /// <summary>The memory that the guest leaves alone (Devicetree Specification 0.4, 5.3).</summary>
    public IReadOnlyList<DeviceTreeReservation> Reservations => _reservations;

    /// <summary>Tells the guest to leave some memory alone.</summary>
    /// <param name="address">First GPA.</param>
    /// <param name="size">Bytes, 1 or more.</param>
    public void Reserve(ulong address, ulong size)
    {
        if (size == 0 || size - 1 > ulong.MaxValue - address)
        {
            throw new ArgumentOutOfRangeException(
                nameof(size), size, $"A reservation of 0x{size:X} bytes at 0x{address:X} is empty or goes beyond the last address. Reserve bytes that are there.");
        }

        _reservations.Add(new DeviceTreeReservation(address, size));
    }

    /// <summary>Writes the tree as a guest reads it: version 17 (Devicetree Specification 0.4, 5).</summary>
    /// <exception cref="InvalidOperationException">It has more than <see cref="MaxSize"/> bytes.</exception>
    public byte[] ToArray() => FlattenedTree.Write(this);

    /// <summary>A tree of its own with the same contents; phandles stay.</summary>
    public DeviceTree Copy()
    {
        var copy = new DeviceTree { BootProcessor = BootProcessor, _lastPhandle = _lastPhandle };
        copy._reservations.AddRange(_reservations);
        Root.CopyTo(copy.Root);
        return copy;
    }

    internal uint NextPhandle() => ++_lastPhandle;
}

/// <summary>Memory that a guest leaves alone.</summary>
/// <param name="Address">First GPA.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct DeviceTreeReservation(ulong Address, ulong Size);
