using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>Registers, inputs, timer and state of a vCPU.</summary>
internal sealed unsafe class HvfArm64Vcpu : Arm64VcpuBackend
{
    private readonly HvfVcpu _vcpu;
    private readonly HvfPartition _partition;
    private readonly HvFunctions _functions;
    private readonly HvfRegisters _registers;
    private readonly Arm64PowerSwitch _power;
    private readonly ulong _number;
    private bool _isIrqAsserted;
    private bool _isFiqAsserted;

    internal HvfArm64Vcpu(HvfVcpu vcpu, HvfPartition partition, HvfRegisters registers, int index, ulong number)
    {
        _vcpu = vcpu;
        _partition = partition;
        _functions = partition.Functions;
        _registers = registers;
        _power = partition.Psci[index];
        _number = number;
    }

    public override Arm64PowerState PowerState
    {
        get => _power.State == Arm64PowerSwitchState.Off ? Arm64PowerState.Off : Arm64PowerState.On;
        set
        {
            if (value == Arm64PowerState.On)
            {
                _power.ContinueAsIs();
            }
            else
            {
                _power.TurnOff();
            }
        }
    }

    public override ulong VirtualCounterOffset
    {
        get
        {
            ulong offset = 0;
            HvfError.Check(_functions.hv_vcpu_get_vtimer_offset(_number, &offset), nameof(HvFunctions.hv_vcpu_get_vtimer_offset));
            return offset;
        }

        set => HvfError.Check(_functions.hv_vcpu_set_vtimer_offset(_number, value), nameof(HvFunctions.hv_vcpu_set_vtimer_offset));
    }

    public override bool IsVirtualTimerMasked
    {
        get
        {
            byte masked = 0;
            HvfError.Check(_functions.hv_vcpu_get_vtimer_mask(_number, &masked), nameof(HvFunctions.hv_vcpu_get_vtimer_mask));
            return masked != 0;
        }

        set => HvfError.Check(_functions.hv_vcpu_set_vtimer_mask(_number, value ? (byte)1 : (byte)0), nameof(HvFunctions.hv_vcpu_set_vtimer_mask));
    }

    protected override ulong VirtualCounter => _functions.mach_absolute_time() - VirtualCounterOffset;

    public override void GetRegisters(out Arm64Registers registers)
    {
        registers = default;
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            registers[i] = _registers.Get((HvRegister)i);
        }

        registers.Pc = _registers.Get(HvRegister.HV_REG_PC);
        registers.Pstate = _registers.Get(HvRegister.HV_REG_CPSR);
    }

    public override void SetRegisters(in Arm64Registers registers)
    {
        for (int i = 0; i < Arm64Registers.Count; i++)
        {
            _registers.Set((HvRegister)i, registers[i]);
        }

        MoveTo(registers.Pc);
        _registers.Set(HvRegister.HV_REG_CPSR, registers.Pstate);
    }

    public override void GetRegisters(ReadOnlySpan<Arm64Register> names, Span<ulong> values)
    {
        for (int i = 0; i < names.Length; i++)
        {
            values[i] = _registers.Get(Number(names[i]));
        }
    }

    public override void SetRegisters(ReadOnlySpan<Arm64Register> names, ReadOnlySpan<ulong> values)
    {
        for (int i = 0; i < names.Length; i++)
        {
            if (names[i] == Arm64Register.Pc)
            {
                MoveTo(values[i]);
            }
            else
            {
                _registers.Set(Number(names[i]), values[i]);
            }
        }
    }

    public override void SetInterruptInput(Arm64InterruptInput input, bool asserted)
    {
        if (input == Arm64InterruptInput.Irq)
        {
            _isIrqAsserted = asserted;
        }
        else
        {
            _isFiqAsserted = asserted;
        }
    }

    public override void SetPrivateInterrupt(int interruptId, bool asserted) => HvfError.Check(
        HvfGicRegisters.SetPending(_functions, _number, interruptId, asserted), nameof(HvFunctions.hv_gic_set_redistributor_reg));

    public override TimeSpan GetVirtualTimerDelay() => GetVirtualTimerDelay(_partition.Host.Platform.CounterFrequency);

    public override Arm64VcpuState SaveState()
    {
        GetRegisters(out Arm64Registers registers);
        var simd = new UInt128[Arm64Vcpu.SimdRegisterCount];
        GetSimdRegisters(simd);
        return new()
        {
            Registers = registers,
            SystemRegisters = [.. StateRegisters().Select(register => new Arm64SystemRegisterValue(register, _registers.Get(register)))],
            Simd = simd,
            PowerState = PowerState,
            PendingStart = _power.PendingStart,
            IsIrqAsserted = _isIrqAsserted,
            IsFiqAsserted = _isFiqAsserted,
            VirtualCounter = VirtualCounter,
            IsVirtualTimerMasked = IsVirtualTimerMasked,
            Redistributor = _partition.HasGic ? HvfGicRegisters.ReadRedistributor(_functions, _number) : null,
        };
    }

    public override void LoadState(Arm64VcpuState state)
    {
        _vcpu.ForgetPending();
        SetRegisters(state.Registers);
        SetSimdRegisters(state.Simd);
        if (state.Redistributor is { } redistributor)
        {
            HvfGicRegisters.WriteRedistributor(_functions, _number, redistributor);
        }

        SetSystemRegisters(state.SystemRegisters);
        _isIrqAsserted = state.IsIrqAsserted;
        _isFiqAsserted = state.IsFiqAsserted;
        VirtualCounterOffset = _functions.mach_absolute_time() - state.VirtualCounter;
        IsVirtualTimerMasked = state.IsVirtualTimerMasked;
        PowerState = state.PowerState;
        if (state.PendingStart is { } start)
        {
            _power.TurnOff();
            _power.TurnOn(start.EntryPoint, start.ContextId);
        }
    }

    protected override ulong GetSystemRegister(Arm64SystemRegister register) => _registers.Get(register);

    protected override void SetSystemRegister(Arm64SystemRegister register, ulong value) => _registers.Set(register, value);

    protected override UInt128 GetSimdRegister(int index) => _registers.GetSimd(index);

    protected override void SetSimdRegister(int index, UInt128 value) => _registers.SetSimd(index, value);

    /// <summary>Before each entry: the framework forgets what is pending with every run.</summary>
    internal void BeforeEntry()
    {
        if (_isIrqAsserted)
        {
            Assert(HvInterruptType.HV_INTERRUPT_TYPE_IRQ);
        }

        if (_isFiqAsserted)
        {
            Assert(HvInterruptType.HV_INTERRUPT_TYPE_FIQ);
        }
    }

    /// <summary>Sets the program counter. Where that is another than it was, the instruction of the last exit is not the one that goes on: its answer would reach the wrong one.</summary>
    private void MoveTo(ulong pc)
    {
        if (_registers.Get(HvRegister.HV_REG_PC) != pc)
        {
            _vcpu.ForgetPending();
            _registers.Set(HvRegister.HV_REG_PC, pc);
        }
    }

    private static HvRegister Number(Arm64Register name) => name switch
    {
        Arm64Register.Pc => HvRegister.HV_REG_PC,
        Arm64Register.Pstate => HvRegister.HV_REG_CPSR,
        _ => (HvRegister)name,
    };

    private IEnumerable<Arm64SystemRegister> StateRegisters() => _partition.HasGic ? HvfRegisters.State.Concat(HvfRegisters.InterfaceState) : HvfRegisters.State;

    private void Assert(HvInterruptType type) =>
        HvfError.Check(_functions.hv_vcpu_set_pending_interrupt(_number, type, 1), nameof(HvFunctions.hv_vcpu_set_pending_interrupt));
}
