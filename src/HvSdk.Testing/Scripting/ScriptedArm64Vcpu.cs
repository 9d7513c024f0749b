using HvSdk.Backends;

namespace HvSdk.Testing;

/// <summary>Registers and state of AArch64 as plain data: what is set comes back.</summary>
internal sealed class ScriptedArm64Vcpu : Arm64VcpuBackend
{
    private readonly ScriptedPartitionBackend _partition;
    private readonly VcpuScript _script;
    private readonly SortedDictionary<ushort, ulong> _systemRegisters = [];
    private readonly UInt128[] _simd = new UInt128[Arm64Vcpu.SimdRegisterCount];
    private readonly bool[] _inputs = new bool[2];
    private readonly bool _hasGic;
    private Arm64Registers _registers = new() { Pstate = Arm64Pstate.El1h | Arm64Pstate.AllMasked };
    private Arm64GicRegisterValue[] _redistributor = [];
    private Arm64PendingStart? _pendingStart;

    internal ScriptedArm64Vcpu(ScriptedPartitionBackend partition, VcpuScript script)
    {
        _partition = partition;
        _script = script;
        _hasGic = partition.Record.Options.InterruptController == InterruptControllerMode.Full;
        PowerState = script.Index == 0 ? Arm64PowerState.On : Arm64PowerState.Off;
        foreach (Arm64SystemRegister register in partition.Backend.SystemRegisters)
        {
            _systemRegisters[register.Encoding] = 0;
        }
    }

    public override Arm64PowerState PowerState { get; set; }

    public override ulong VirtualCounterOffset { get; set; }

    public override bool IsVirtualTimerMasked { get; set; }

    public override void GetRegisters(out Arm64Registers registers)
    {
        _partition.Backend.Begin(ScriptedOperation.GetRegisters);
        registers = _registers;
    }

    public override void SetRegisters(in Arm64Registers registers)
    {
        _partition.Backend.Begin(ScriptedOperation.SetRegisters);
        _registers = registers;
    }

    public override void GetSystemRegisters(ReadOnlySpan<Arm64SystemRegister> registers, Span<ulong> values)
    {
        _partition.Backend.Begin(ScriptedOperation.GetRegisters);
        for (int i = 0; i < registers.Length; i++)
        {
            values[i] = _systemRegisters.TryGetValue(registers[i].Encoding, out ulong value) ? value : throw NoRegister(registers[i]);
        }
    }

    public override void SetSystemRegisters(ReadOnlySpan<Arm64SystemRegisterValue> values)
    {
        _partition.Backend.Begin(ScriptedOperation.SetRegisters);
        foreach (Arm64SystemRegisterValue value in values)
        {
            _systemRegisters[value.Register.Encoding] =
                _systemRegisters.ContainsKey(value.Register.Encoding) ? value.Value : throw NoRegister(value.Register);
        }
    }

    public override void GetSimdRegisters(Span<UInt128> values)
    {
        _partition.Backend.Begin(ScriptedOperation.GetRegisters);
        _simd.CopyTo(values);
    }

    public override void SetSimdRegisters(ReadOnlySpan<UInt128> values)
    {
        _partition.Backend.Begin(ScriptedOperation.SetRegisters);
        values.CopyTo(_simd);
    }

    public override void SetInterruptInput(Arm64InterruptInput input, bool asserted)
    {
        _inputs[(int)input] = asserted;
        _script.RecordInput(input, asserted);
    }

    public override void SetPrivateInterrupt(int interruptId, bool asserted) => _script.RecordPrivateInterrupt(interruptId, asserted);

    /// <summary>The script has no clock: the timer is off.</summary>
    public override TimeSpan GetVirtualTimerDelay() => Timeout.InfiniteTimeSpan;

    public override Arm64VcpuState SaveState()
    {
        _partition.Backend.Begin(ScriptedOperation.SaveState);
        return new()
        {
            Registers = _registers,
            SystemRegisters = [.. _systemRegisters.Select(static register => new Arm64SystemRegisterValue(new(register.Key), register.Value))],
            Simd = [.. _simd],
            PowerState = PowerState,
            PendingStart = _pendingStart,
            IsIrqAsserted = _inputs[(int)Arm64InterruptInput.Irq],
            IsFiqAsserted = _inputs[(int)Arm64InterruptInput.Fiq],
            VirtualCounter = 0 - VirtualCounterOffset,
            IsVirtualTimerMasked = IsVirtualTimerMasked,
            Redistributor = _hasGic ? [.. _redistributor] : null,
        };
    }

    public override void LoadState(Arm64VcpuState state)
    {
        _partition.Backend.Begin(ScriptedOperation.LoadState);
        _registers = state.Registers;
        state.Simd.CopyTo(_simd, 0);
        PowerState = state.PowerState;
        _pendingStart = state.PendingStart;
        _inputs[(int)Arm64InterruptInput.Irq] = state.IsIrqAsserted;
        _inputs[(int)Arm64InterruptInput.Fiq] = state.IsFiqAsserted;
        VirtualCounterOffset = 0 - state.VirtualCounter;
        IsVirtualTimerMasked = state.IsVirtualTimerMasked;
        _redistributor = state.Redistributor ?? [];
        SetSystemRegisters(state.SystemRegisters);
    }

    private HypervisorException NoRegister(Arm64SystemRegister register) => new(
        _partition.Backend.Name, "system register", -1, $"There is no system register {register}.",
        $"Add it to {nameof(ScriptedBackend)}.{nameof(ScriptedBackend.SystemRegisters)}.");
}
