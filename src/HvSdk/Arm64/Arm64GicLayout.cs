namespace HvSdk;

/// <summary>Where the parts of a GICv3 lie in the guest's physical address space (GICv3 architecture, 12.1).</summary>
/// <remarks>The defaults are those of QEMU's machine "virt", which boot loaders and tiny kernels expect.</remarks>
public sealed record Arm64GicLayout
{
    /// <summary>Bytes of the distributor.</summary>
    public const ulong DistributorSize = 0x1_0000;

    /// <summary>Bytes of one vCPU's redistributor: two frames of 64 KiB. They follow each other.</summary>
    public const ulong RedistributorSize = 0x2_0000;

    /// <summary>Bytes of the MSI frame.</summary>
    public const ulong MsiFrameSize = 0x1_0000;

    private const ulong Alignment = 0x1_0000;

    /// <summary>GPA of the distributor, a multiple of 64 KiB.</summary>
    public ulong DistributorAddress { get; init; } = 0x0800_0000;

    /// <summary>GPA of the first vCPU's redistributor, a multiple of 64 KiB.</summary>
    public ulong RedistributorAddress { get; init; } = 0x080A_0000;

    /// <summary>The frame whose writes become interrupts, or null for none: <see cref="InterruptController.Send"/> needs it.</summary>
    public Arm64MsiFrame? MsiFrame { get; init; }

    internal void Validate(HypervisorCapabilities capabilities, int maxVcpus)
    {
        ulong redistributors = RedistributorSize * (ulong)maxVcpus;
        RequirePlace(capabilities, nameof(DistributorAddress), DistributorAddress, DistributorSize);
        RequirePlace(capabilities, nameof(RedistributorAddress), RedistributorAddress, redistributors);
        RequireApart(nameof(DistributorAddress), DistributorAddress, DistributorSize, nameof(RedistributorAddress), RedistributorAddress, redistributors);
        if (MsiFrame is not { } frame)
        {
            return;
        }

        frame.Validate(capabilities.InterruptLineCount);
        RequirePlace(capabilities, nameof(MsiFrame), frame.Address, MsiFrameSize);
        RequireApart(nameof(MsiFrame), frame.Address, MsiFrameSize, nameof(DistributorAddress), DistributorAddress, DistributorSize);
        RequireApart(nameof(MsiFrame), frame.Address, MsiFrameSize, nameof(RedistributorAddress), RedistributorAddress, redistributors);
    }

    private static void RequirePlace(HypervisorCapabilities capabilities, string name, ulong address, ulong size)
    {
        if (address % Alignment != 0)
        {
            throw new ArgumentException($"{name} 0x{address:X} is not a multiple of 64 KiB. Use 0x{address & ~(Alignment - 1):X}, for one.", name);
        }

        ulong limit = 1UL << capabilities.GuestPhysicalAddressBits;
        if (address >= limit || size > limit - address)
        {
            throw new ArgumentException(
                $"{name} 0x{address:X} needs 0x{size:X} bytes, and guest addresses have {capabilities.GuestPhysicalAddressBits} bits here. Put it lower.", name);
        }
    }

    private static void RequireApart(string first, ulong firstAddress, ulong firstSize, string second, ulong secondAddress, ulong secondSize)
    {
        if (firstAddress < secondAddress + secondSize && secondAddress < firstAddress + firstSize)
        {
            throw new ArgumentException(
                $"{first} 0x{firstAddress:X} (0x{firstSize:X} bytes) overlaps {second} 0x{secondAddress:X} (0x{secondSize:X} bytes). Move one of them.", first);
        }
    }
}

/// <summary>A frame of a GIC whose writes become shared peripheral interrupts (GICv2m; Server Base System Architecture, appendix E).</summary>
/// <param name="Address">GPA of the frame, a multiple of 64 KiB.</param>
/// <param name="FirstLine">The first line that it raises: SPI 0 is line 0 and INTID 32.</param>
/// <param name="LineCount">How many lines, 1 or more.</param>
public sealed record Arm64MsiFrame(ulong Address, int FirstLine, int LineCount)
{
    /// <summary>Offset of MSI_SETSPI_NS, the register that devices write.</summary>
    private const ulong SetSpi = 0x40;

    private const int FirstSharedInterrupt = 32;

    /// <summary>The message that raises one of the frame's lines.</summary>
    /// <param name="line">The line, <see cref="FirstLine"/> and up.</param>
    public MsiMessage GetMessage(int line)
    {
        if (line < FirstLine || line - FirstLine >= LineCount)
        {
            throw new ArgumentOutOfRangeException(nameof(line), line, $"The frame raises lines {FirstLine} to {FirstLine + LineCount - 1}, and {line} is none of them.");
        }

        return new MsiMessage(Address + SetSpi, (uint)(FirstSharedInterrupt + line));
    }

    internal void Validate(int lineCount)
    {
        if (FirstLine < 0 || LineCount < 1 || LineCount > lineCount - FirstLine)
        {
            throw new ArgumentException(
                $"The MSI frame asks for {LineCount} lines from {FirstLine}, and the host's GIC has 0 to {lineCount - 1}. Ask for 1 or more of these.", nameof(LineCount));
        }
    }
}
