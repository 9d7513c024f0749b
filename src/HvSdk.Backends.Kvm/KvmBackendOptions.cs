namespace HvSdk.Backends.Kvm;

/// <summary>What only the KVM backend can be told.</summary>
public sealed class KvmBackendOptions
{
    private const int MinDirtyRingEntries = 1024;
    private const int MaxDirtyRingEntries = 65536;

    /// <summary>The device. Default: /dev/kvm.</summary>
    public string DevicePath { get; set; } = "/dev/kvm";

    /// <summary>
    /// Entries of each vCPU's dirty ring, a power of two from 1,024 to 65,536; 0, the default, tracks dirty pages by bitmaps. Rings cost in
    /// proportion to the pages written, bitmaps to the memory tracked. A page written by a vCPU that is in the guest may be in the next bitmap only.
    /// </summary>
    public int DirtyRingEntries { get; set; }

    /// <summary>
    /// For x86-64 alone; asked for elsewhere, the backend is not available. Completes, in this process, an instruction that the kernel's own instruction emulator gives up on, which else leaves with <see cref="VcpuExitKind.EmulationFailure"/>.
    /// A kernel emulates instructions that touch devices, and those in modes that the processor cannot run by itself; a KVM without hardware virtualization (kvm_pvm)
    /// emulates all of privilege level 0, and lacks INT3, IRET, CMPXCHG16B and most of SSE there. Each costs some 50 us. Default: false.
    /// </summary>
    /// <remarks>
    /// Such an instruction may read a device twice, since the kernel may have read before it gave up. A locked instruction on 16 bytes is atomic
    /// only against others that are emulated here. What HvSdk.Emulation.X64 does not know leaves with EmulationFailure all the same.
    /// </remarks>
    public bool EmulateFailedInstructions { get; set; }

    internal KvmBackendOptions Copy() => new() { DevicePath = DevicePath, DirtyRingEntries = DirtyRingEntries, EmulateFailedInstructions = EmulateFailedInstructions };

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(DevicePath);
        if (DirtyRingEntries != 0 && (DirtyRingEntries is < MinDirtyRingEntries or > MaxDirtyRingEntries || !int.IsPow2(DirtyRingEntries)))
        {
            throw new ArgumentOutOfRangeException(
                nameof(DirtyRingEntries), DirtyRingEntries, $"A dirty ring has a power of two from {MinDirtyRingEntries} to {MaxDirtyRingEntries} entries, or 0 for none.");
        }
    }
}
