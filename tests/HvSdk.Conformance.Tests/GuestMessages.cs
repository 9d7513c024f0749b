namespace HvSdk.Conformance.Tests;

/// <summary>Partitions whose host takes messages (MSI), and a message that it takes.</summary>
internal static class GuestMessages
{
    private const byte Vector = 0x40;
    private const int Line = 16;

    /// <summary>AArch64: the frame that messages are written to.</summary>
    public static Arm64MsiFrame Frame { get; } = new(0x0802_0000, Line, 4);

    /// <summary>A message to vCPU 0: on x86-64 to its APIC, on AArch64 the frame's first line.</summary>
    public static MsiMessage Message => Guest.IsX64 ? MsiMessage.ForX64(Vector) : Frame.GetMessage(Line);

    /// <summary>Lets the host keep what takes messages: the least that it has.</summary>
    public static void Configure(PartitionOptions options)
    {
        options.InterruptController = Guest.IsX64 ? InterruptControllerMode.PerVcpu : InterruptControllerMode.Full;
        options.Arm64.Gic = new Arm64GicLayout { MsiFrame = Frame };
    }

    /// <summary>The same, with all that the host can keep, lines among it.</summary>
    public static void ConfigureFull(PartitionOptions options)
    {
        Configure(options);
        options.InterruptController = InterruptControllerMode.Full;
    }
}
