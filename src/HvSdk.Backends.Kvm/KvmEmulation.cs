using HvSdk.Backends.Kvm.Interop;
using HvSdk.Emulation;

namespace HvSdk.Backends.Kvm;

/// <summary>How the emulation of an instruction came back.</summary>
internal enum KvmEmulationResult
{
    /// <summary>The instruction is done, and the kernel has its results.</summary>
    Done,

    /// <summary>It leaves with an exit: an access that the next entry completes, or something that ends it.</summary>
    Exit,

    /// <summary>The emulator cannot do it either; nothing has changed.</summary>
    Unsupported,
}

/// <summary>Completes an instruction that the kernel's own emulator gives up on (<see cref="KvmBackendOptions.EmulateFailedInstructions"/>).</summary>
/// <remarks>
/// The state is fetched, one instruction emulated, and what it changed written back. Its exceptions go through the guest's own tables by the emulator: who cannot
/// execute INT3 may not be able to deliver it either.
/// </remarks>
internal sealed class KvmEmulation
{
    private readonly X64Emulator _emulator;
    private readonly X64CpuState _state = new();
    private readonly KvmX64Partition _partition;
    private readonly SafeFd _vcpu;
    private readonly KvmX64Vcpu _x64;
    private KvmEmulatedMachine _machine;
    private int _stateVersion;

    internal KvmEmulation(KvmX64Partition partition, SafeFd vcpu, KvmX64Vcpu x64)
    {
        _partition = partition;
        _vcpu = vcpu;
        _x64 = x64;
        _machine = new KvmEmulatedMachine(partition, vcpu, x64);
        _emulator = new X64Emulator(new X64EmulatorOptions { DeliverExceptions = true });
    }

    /// <summary>The last exit was an access of an emulated instruction, which the next entry completes.</summary>
    internal bool IsAccessOpen { get; private set; }

    /// <summary>The bytes of the open access.</summary>
    internal Span<byte> Data => _emulator.Access.Data;

    /// <summary>Emulates the instruction at RIP.</summary>
    internal KvmEmulationResult Start(out VcpuExit exit)
    {
        Fetch();
        return Run(out exit);
    }

    /// <summary>Goes on with the instruction whose access was answered. Where the caller has changed the state meanwhile, the guest goes on with that instead.</summary>
    internal KvmEmulationResult Continue(out VcpuExit exit)
    {
        IsAccessOpen = false;
        if (_stateVersion == _x64.StateVersion)
        {
            return Run(out exit);
        }

        _emulator.CancelAccess();
        exit = default;
        return KvmEmulationResult.Done;
    }

    private KvmEmulationResult Run(out VcpuExit exit)
    {
        exit = default;
        X64EmulationResult result;
        lock (_partition.Memory.Gate)
        {
            result = _emulator.Run(_state, ref _machine, 1);
        }

        switch (result)
        {
            case X64EmulationResult.LimitReached:
                WriteBack();
                return KvmEmulationResult.Done;
            case X64EmulationResult.Access:
                X64EmulatedAccess access = _emulator.Access;
                exit = access.IsPort
                    ? ExitFactory.Port(access.IsWrite, (ushort)access.Address, access.Data, 1)
                    : ExitFactory.Mmio(access.IsWrite, access.Address, access.Data);
                IsAccessOpen = true;
                return KvmEmulationResult.Exit;
            case X64EmulationResult.Halted:
                WriteBack();
                exit = ExitFactory.Plain(VcpuExitKind.Halt);
                return KvmEmulationResult.Exit;
            case X64EmulationResult.Shutdown:
                exit = ExitFactory.Plain(VcpuExitKind.Shutdown);
                return KvmEmulationResult.Exit;
            default:
                return KvmEmulationResult.Unsupported;
        }
    }

    private void Fetch()
    {
        _x64.GetRegisters(out X64Registers registers);
        _x64.GetSpecialRegisters(out X64SpecialRegisters special);
        _x64.GetDebugRegisters(out X64DebugRegisters debug);
        kvm_vcpu_events events = ReadEvents();
        _state.SetRegisters(registers);
        _state.SpecialRegisters = special;
        _state.DebugRegisters = debug;
        _state.InterruptShadow = (X64InterruptShadow)((events.interrupt.shadow & KVM.KVM_X86_SHADOW_INT_STI) != 0 ? X64InterruptShadow.Sti : 0)
            | ((events.interrupt.shadow & KVM.KVM_X86_SHADOW_INT_MOV_SS) != 0 ? X64InterruptShadow.MovSs : 0);
        _state.IsNmiBlocked = events.nmi.masked != 0;
        _state.IsHalted = false;
        _state.IsVectorStateLoaded = false;
        _state.Modified = X64StateGroups.None;
        _stateVersion = _x64.StateVersion;

        // The guest, and other vCPUs, may have changed the tables since the last instruction.
        _emulator.FlushTranslations();
    }

    private void WriteBack()
    {
        X64StateGroups modified = _state.Modified;
        if ((modified & X64StateGroups.SpecialRegisters) != 0)
        {
            _x64.SetSpecialRegisters(_state.SpecialRegisters);
        }

        if ((modified & X64StateGroups.DebugRegisters) != 0)
        {
            _x64.SetDebugRegisters(_state.DebugRegisters);
        }

        if ((modified & X64StateGroups.Xcr0) != 0)
        {
            _x64.SetXcrs([new X64XcrValue(0, _state.Xcr0)]);
        }

        if ((modified & X64StateGroups.Vector) != 0)
        {
            byte[] xsave = _x64.GetXsave(); // as long as the kernel wants it, with what the emulator does not know
            _state.Xsave[..int.Min(xsave.Length, _state.Xsave.Length)].CopyTo(xsave);
            _x64.SetXsave(xsave);
        }

        _state.GetRegisters(out X64Registers registers);
        _x64.SetRegisters(registers);

        // Last: setting registers clears some.
        kvm_vcpu_events events = ReadEvents();
        byte shadow = (byte)(((_state.InterruptShadow & X64InterruptShadow.Sti) != 0 ? KVM.KVM_X86_SHADOW_INT_STI : 0)
            | ((_state.InterruptShadow & X64InterruptShadow.MovSs) != 0 ? KVM.KVM_X86_SHADOW_INT_MOV_SS : 0));
        byte masked = KvmBits.From(_state.IsNmiBlocked);
        if (events.interrupt.shadow != shadow || events.nmi.masked != masked)
        {
            events.flags |= KVM.KVM_VCPUEVENT_VALID_SHADOW;
            events.interrupt.shadow = shadow;
            events.nmi.masked = masked;
            _vcpu.Control(KVM.KVM_SET_VCPU_EVENTS, ref events, nameof(KVM.KVM_SET_VCPU_EVENTS));
        }
    }

    private kvm_vcpu_events ReadEvents()
    {
        kvm_vcpu_events events = default;
        _vcpu.Control(KVM.KVM_GET_VCPU_EVENTS, ref events, nameof(KVM.KVM_GET_VCPU_EVENTS));
        return events;
    }
}
