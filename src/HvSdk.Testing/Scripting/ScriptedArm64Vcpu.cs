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

    protected override ulong VirtualCounter => 0 - VirtualCounterOffset;

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
            VirtualCounter = VirtualCounter,
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

    protected override ulong GetSystemRegister(Arm64SystemRegister register)
    {
        _partition.Backend.Begin(ScriptedOperation.GetRegisters);
        return _systemRegisters.TryGetValue(register.Encoding, out ulong value) ? value : throw NoRegister(register);
    }

    protected override void SetSystemRegister(Arm64SystemRegister register, ulong value)
    {
        _partition.Backend.Begin(ScriptedOperation.SetRegisters);
        _systemRegisters[register.Encoding] = _systemRegisters.ContainsKey(register.Encoding) ? value : throw NoRegister(register);
    }

    protected override UInt128 GetSimdRegister(int index)
    {
        _partition.Backend.Begin(ScriptedOperation.GetRegisters);
        return _simd[index];
    }

    protected override void SetSimdRegister(int index, UInt128 value)
    {
        _partition.Backend.Begin(ScriptedOperation.SetRegisters);
        _simd[index] = value;
    }

    private HypervisorException NoRegister(Arm64SystemRegister register) => new(
        _partition.Backend.Name, "system register", -1, $"There is no system register {register}.",
        $"Add it to {nameof(ScriptedBackend)}.{nameof(ScriptedBackend.SystemRegisters)}.");
}
