using System.Diagnostics;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>Registers, inputs, timer and state of a vCPU.</summary>
internal sealed class KvmArm64Vcpu : Arm64VcpuBackend
{
    private readonly KvmArm64RunLoop _loop;
    private readonly KvmArm64Partition _partition;
    private readonly SafeFd _vcpu;
    private readonly KvmArm64Registers _registers;
    private readonly int _index;
    private readonly ulong _affinity;
    private bool _isIrqAsserted;
    private bool _isFiqAsserted;

    internal KvmArm64Vcpu(KvmArm64RunLoop loop, KvmArm64Partition partition, SafeFd vcpu, KvmArm64Registers registers, int index)
    {
        _loop = loop;
        _partition = partition;
        _vcpu = vcpu;
        _registers = registers;
        _index = index;
        _affinity = Arm64Vcpu.GetAffinity(index);
    }

    /// <remarks>The kernel's PSCI turns vCPUs on and off; a start that the vCPU has not acted on takes place when anything of it is read.</remarks>
    public override Arm64PowerState PowerState
    {
        get
        {
            kvm_mp_state state = default;
            _vcpu.Control(KVM.KVM_GET_MP_STATE, ref state, nameof(KVM.KVM_GET_MP_STATE));
            return state.mp_state == KVM_ARM64.KVM_MP_STATE_STOPPED ? Arm64PowerState.Off : Arm64PowerState.On;
        }

        set
        {
            kvm_mp_state state = new() { mp_state = value == Arm64PowerState.On ? KVM.KVM_MP_STATE_RUNNABLE : KVM_ARM64.KVM_MP_STATE_STOPPED };
            _vcpu.Control(KVM.KVM_SET_MP_STATE, ref state, nameof(KVM.KVM_SET_MP_STATE));
        }
    }

    /// <summary>One for all vCPUs of the partition: KVM counts the partition's time.</summary>
    /// <remarks>
    /// The kernel takes the counter's value and not its offset, and before 6.4 shows its own counter to nobody: the host's monotonic clock in ticks stands for it. So an offset that is
    /// set is as exact as two calls are quick; the number that was set is the one that is read. (The call of newer kernels that takes the offset moves the physical counter too,
    /// and refuses while another vCPU runs.)
    /// </remarks>
    public override ulong VirtualCounterOffset
    {
        get => _partition.CounterOffset ??= unchecked(HostCounter() - VirtualCounter);
        set
        {
            _registers.Set(Arm64SystemRegister.CntvctEl0, unchecked(HostCounter() - value));
            _partition.CounterOffset = value;
        }
    }

    public override bool IsVirtualTimerMasked { get; set; }

    protected override ulong VirtualCounter => _registers.Get(Arm64SystemRegister.CntvctEl0);

    public override void GetRegisters(out Arm64Registers registers)
    {
        registers = default;
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            registers[i] = _registers.GetGeneral(i);
        }

        registers.Pc = _registers.Pc;
        registers.Pstate = _registers.Get(Arm64Register.Pstate);
    }

    public override void SetRegisters(in Arm64Registers registers)
    {
        GiveUpUnlessAt(registers.Pc);
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            _registers.SetGeneral(i, registers[i]);
        }

        _registers.Pc = registers.Pc;
        _registers.Set(Arm64Register.Pstate, registers.Pstate);
    }

    public override void GetRegisters(ReadOnlySpan<Arm64Register> names, Span<ulong> values)
    {
        for (int i = 0; i < names.Length; i++)
        {
            values[i] = _registers.Get(names[i]);
        }
    }

    public override void SetRegisters(ReadOnlySpan<Arm64Register> names, ReadOnlySpan<ulong> values)
    {
        for (int i = 0; i < names.Length; i++)
        {
            if (names[i] == Arm64Register.Pc)
            {
                GiveUpUnlessAt(values[i]);
            }

            _registers.Set(names[i], values[i]);
        }
    }

    public override void SetInterruptInput(Arm64InterruptInput input, bool asserted)
    {
        bool isIrq = input == Arm64InterruptInput.Irq;
        _partition.SetLine(KVM_ARM64.KVM_ARM_IRQ_TYPE_CPU, _index, isIrq ? KVM_ARM64.KVM_ARM_IRQ_CPU_IRQ : KVM_ARM64.KVM_ARM_IRQ_CPU_FIQ, asserted);
        if (isIrq)
        {
            _isIrqAsserted = asserted;
        }
        else
        {
            _isFiqAsserted = asserted;
        }
    }

    public override void SetPrivateInterrupt(int interruptId, bool asserted) =>
        _partition.SetLine(KVM_ARM64.KVM_ARM_IRQ_TYPE_PPI, _index, (uint)interruptId, asserted);

    public override TimeSpan GetVirtualTimerDelay() => GetVirtualTimerDelay(_partition.Platform.CounterFrequency);

    public override Arm64VcpuState SaveState()
    {
        GetRegisters(out Arm64Registers registers);
        var simd = new UInt128[Arm64Vcpu.SimdRegisterCount];
        GetSimdRegisters(simd);
        KvmGic? gic = _partition.Gic;
        return new()
        {
            Registers = registers,
            SystemRegisters = [.. KvmArm64InterfaceState.ReadAll(_registers, _partition.Platform.Arm64.GetStateRegisters(), gic is not null)],
            Simd = simd,
            PowerState = PowerState,
            IsIrqAsserted = _isIrqAsserted,
            IsFiqAsserted = _isFiqAsserted,
            VirtualCounter = VirtualCounter,
            IsVirtualTimerMasked = IsVirtualTimerMasked,
            Redistributor = gic is null ? null : KvmGicState.ReadRedistributor(gic, _affinity),
            PrivateLineLevels = gic?.GetLevels(_affinity, 0),
        };
    }

    public override void LoadState(Arm64VcpuState state)
    {
        SetRegisters(state.Registers);
        SetSimdRegisters(state.Simd);
        if (_partition.Gic is { } gic && state.Redistributor is { } redistributor)
        {
            KvmGicState.WriteRedistributor(gic, _affinity, redistributor);
            if (state.PrivateLineLevels is { } levels)
            {
                gic.SetLevels(_affinity, 0, levels);
            }
        }

        SetSystemRegisters(state.SystemRegisters);
        if (!_partition.HasGic)
        {
            SetInterruptInput(Arm64InterruptInput.Irq, state.IsIrqAsserted);
            SetInterruptInput(Arm64InterruptInput.Fiq, state.IsFiqAsserted);
        }

        _registers.Set(Arm64SystemRegister.CntvctEl0, state.VirtualCounter);
        _partition.CounterOffset = null;
        IsVirtualTimerMasked = state.IsVirtualTimerMasked;
        PowerState = state.PowerState;
        if (state.PendingStart is { } start)
        {
            // Its registers are those of a reset, which the vCPU has had or will have where the state comes from.
            SetRegisters(new Arm64Registers { [0] = start.ContextId, Pc = start.EntryPoint, Pstate = Arm64Pstate.El1h | Arm64Pstate.AllMasked });
            PowerState = Arm64PowerState.On;
        }
    }

    protected override ulong GetSystemRegister(Arm64SystemRegister register) => _registers.Get(register);

    protected override void SetSystemRegister(Arm64SystemRegister register, ulong value) => _registers.Set(register, value);

    protected override UInt128 GetSimdRegister(int index) => _registers.GetSimd(index);

    protected override void SetSimdRegister(int index, UInt128 value) => _registers.SetSimd(index, value);

    /// <summary>Where the program counter becomes another, the instruction of the last exit is not the one that goes on: its answer would reach the wrong one.</summary>
    private void GiveUpUnlessAt(ulong pc)
    {
        if (_loop.IsInstructionOpen && _registers.Pc != pc)
        {
            _loop.GiveUpInstruction();
        }
    }

    private ulong HostCounter() => (ulong)((UInt128)(ulong)Stopwatch.GetTimestamp() * (ulong)_partition.Platform.CounterFrequency / (ulong)Stopwatch.Frequency);
}
