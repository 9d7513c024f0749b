using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using HvSdk.Backends.Kvm;

namespace HvSdk.Emulation.Differential;

/// <summary>Runs cases on a processor, through the KVM backend. One thread alone may use an engine.</summary>
public sealed class KvmEngine : IEngine, IDisposable
{
    private static readonly TimeSpan s_watch = TimeSpan.FromMilliseconds(500);
    private const ulong Xcr0 = 7;
    private const ulong PageCacheDisable = 1UL << 4; // CR3.PCD

    private const string EmulatedSuffix = "@tcg";

    private readonly Hypervisor _hypervisor;
    private readonly Partition _partition;
    private readonly Vcpu _vcpu;
    private readonly Machine _machine;
    private readonly Timer _watchdog;
    private readonly byte[] _xsave;
    private long _started;
    private long _watched = -1;

    /// <summary>Makes the machine of a mode.</summary>
    /// <param name="mode">The mode.</param>
    public KvmEngine(MachineMode mode)
    {
        _machine = Machine.Of(mode);
        _hypervisor = Hypervisor.Open(KvmBackend.Instance);
        HypervisorName = HostDescription.Split(' ', ',')[0] + (IsProcessorEmulated() ? EmulatedSuffix : "");
        _partition = _hypervisor.CreatePartition();
        _partition.Memory.Map(0, MachineMap.RamSize);
        _partition.Memory.Write(0, _machine.Ram.Span);
        _vcpu = _partition.CreateVcpu(0);
        _vcpu.X64.SetSpecialRegisters(_machine.SpecialRegisters);
        _vcpu.X64.SetXcrs(new X64XcrValue(0, Xcr0));
        _xsave = new byte[_vcpu.X64.GetXsave().Length];
        _watchdog = new Timer(Watch, null, s_watch, s_watch);
    }

    /// <summary>What the host says of itself.</summary>
    public string HostDescription => _hypervisor.Capabilities.HostDescription;

    /// <summary>First word of the host's description of itself: kvm_amd, kvm_intel, kvm_pvm; "kvm_amd@tcg" on a processor that QEMU emulates.</summary>
    public string HypervisorName { get; }

    /// <summary>What the processor's CPUID answers.</summary>
    public X64CpuidTable Cpuid => _vcpu.X64.GetCpuid();

    /// <summary>The bits of MXCSR that the processor has.</summary>
    public uint MxcsrMask => BitConverter.ToUInt32(_vcpu.X64.GetXsave(), 28);

    /// <summary>The processor has XSAVEC. (SDM vol. 1, 13.2)</summary>
    public bool HasCompactedForm => Cpuid.TryGet(0xD, 1, out X64CpuidEntry entry) && (entry.Eax & 2) != 0;

    /// <summary>Options that give the emulated processor what this one has.</summary>
    public X64EmulatorOptions EmulatorOptions => GuestProcessor.OptionsOf(_vcpu.X64.GetCpuid(), HypervisorName.EndsWith(EmulatedSuffix, StringComparison.Ordinal));

    /// <inheritdoc/>
    public void Run(TestCase test, Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(test);
        ArgumentNullException.ThrowIfNull(outcome);
        RunOnce(test, outcome);
        if (outcome.End == EndKind.Timeout)
        {
            // The watchdog may have barked at the case before.
            RunOnce(test, outcome);
        }
    }

    /// <summary>Gives a page its first contents again.</summary>
    /// <param name="page">Its number.</param>
    public void ResetPage(int page) =>
        _partition.Memory.Write((ulong)page * MachineMap.PageSize, _machine.Ram.Span.Slice(page * MachineMap.PageSize, MachineMap.PageSize));

    /// <summary>Gives all memory its first contents again.</summary>
    public void ResetMemory() => _partition.Memory.Write(0, _machine.Ram.Span);

    /// <summary>Reads memory as the last case left it.</summary>
    /// <param name="address">Where.</param>
    /// <param name="destination">Where to.</param>
    public void ReadMemory(ulong address, Span<byte> destination) => _partition.Memory.Read(address, destination);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Waits for a Watch that is under way: the vCPU must outlive it.
        using ManualResetEvent ended = new(false);
        if (_watchdog.Dispose(ended))
        {
            ended.WaitOne(s_watch * 10);
        }

        _vcpu.Dispose();
        _partition.Dispose();
        _hypervisor.Dispose();
    }

    private void RunOnce(TestCase test, Outcome outcome)
    {
        GuestMemory memory = _partition.Memory;
        foreach (MemoryPatch patch in test.Patches)
        {
            memory.Write(patch.Address, patch.Value);
        }

        memory.Write(test.CodeAddress, test.Code);
        X64SpecialRegisters special = CaseState.SpecialRegisters(test);
        if (HypervisorName.EndsWith(EmulatedSuffix, StringComparison.Ordinal))
        {
            // QEMU 7.2 aborts at an exception of user code in protected mode when the TSS is busy, as every loaded one is.
            special.Tr = special.Tr with { Type = 0x9 };
        }

        SetSystem(test.System, special);
        _vcpu.X64.SetRegisters(test.Registers);
        test.Xsave.CopyTo(_xsave, 0);
        _vcpu.X64.SetXsave(_xsave);

        Volatile.Write(ref _started, _started + 1);
        Handler handler = default;
        VcpuExit exit = _vcpu.Run(ref handler);
        Volatile.Write(ref _started, _started + 1);

        outcome.Registers = _vcpu.X64.GetRegisters();
        outcome.SpecialRegisters = _vcpu.X64.GetSpecialRegisters();
        if (test.System is not null)
        {
            outcome.DebugRegisters = _vcpu.X64.GetDebugRegisters();
            outcome.Xcr0 = _vcpu.X64.GetXcrs()[0].Value;
            _vcpu.X64.GetMsrs(SystemMap.Msrs, outcome.Msrs);
        }

        outcome.Detail = "";
        CaseState.SetEnd(outcome, exit.Kind switch
        {
            VcpuExitKind.PortWrite when exit.Port == MachineMap.EndPort => EndKind.End,
            VcpuExitKind.Halt => EndKind.Handler,
            VcpuExitKind.Shutdown => EndKind.Shutdown,
            VcpuExitKind.Canceled => EndKind.Timeout,
            VcpuExitKind.EmulationFailure => EndKind.Unsupported,
            _ => EndKind.Other,
        });
        if (outcome.End is EndKind.Other or EndKind.Unsupported)
        {
            outcome.Detail = exit.ToString();
        }

        _vcpu.X64.GetXsave().AsSpan(0, TestCase.XsaveSize).CopyTo(outcome.Xsave);
        outcome.NormalizeXsave();
        memory.Read(0, outcome.Memory);
    }

    private void SetSystem(SystemState? system, in X64SpecialRegisters special)
    {
        if (system is null)
        {
            _vcpu.X64.SetSpecialRegisters(special);
            return;
        }

        // Another CR3 for a moment: the host forgets what it knows of tables that changed.
        X64SpecialRegisters other = special;
        other.Cr3 ^= PageCacheDisable;
        _vcpu.X64.SetSpecialRegisters(other);
        _vcpu.X64.SetSpecialRegisters(special);
        _vcpu.X64.SetDebugRegisters(system.Debug);
        _vcpu.X64.SetXcrs(new X64XcrValue(0, Xcr0));
        for (int i = 0; i < SystemMap.Msrs.Length; i++)
        {
            _vcpu.X64.SetMsr(SystemMap.Msrs[i], system.Msrs[i]);
        }
    }

    private static bool IsProcessorEmulated()
    {
        if (!X86Base.IsSupported)
        {
            return false;
        }

        (int _, int b, int c, int d) = X86Base.CpuId(0x4000_0000, 0);
        ReadOnlySpan<int> signature = [b, c, d];
        return MemoryMarshal.AsBytes(signature).SequenceEqual("TCGTCGTCGTCG"u8);
    }

    // Stops a case that runs for a whole period: generated cases end, unless something is wrong.
    private void Watch(object? state)
    {
        long started = Volatile.Read(ref _started);
        if ((started & 1) != 0 && started == Interlocked.Exchange(ref _watched, started))
        {
            _vcpu.Cancel();
        }
    }

    private struct Handler : IVcpuHandler
    {
        public readonly ExitDisposition Handle(in VcpuExit exit) => exit.Kind == VcpuExitKind.PortWrite && exit.Port == MachineMap.EndPort
            ? ExitDisposition.Stop
            : ExitDisposition.NotHandled;
    }
}
