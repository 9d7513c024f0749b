using HvSdk.Backends;

namespace HvSdk.Testing;

/// <summary>Registers and state as plain data: what is set comes back.</summary>
internal sealed class ScriptedX64Vcpu : X64VcpuBackend
{
    private const int XsaveSize = 4096;
    private const int LocalApicSize = 1024;
    private const long DefaultTscFrequency = 1_000_000_000;

    private readonly ScriptedPartitionBackend _partition;
    private readonly VcpuScript _script;
    private readonly SortedDictionary<uint, ulong> _msrs = [];
    private X64Registers _registers = new() { Rflags = X64Flags.Reserved1 };
    private X64SpecialRegisters _specialRegisters;
    private X64DebugRegisters _debugRegisters;
    private X64PendingEvents _events = new();
    private X64ActivityState _activity;
    private byte[] _xsave = new byte[XsaveSize];
    private X64XcrValue[] _xcrs = [new(0, 1)];
    private byte[]? _localApic;

    internal ScriptedX64Vcpu(ScriptedPartitionBackend partition, VcpuScript script)
    {
        _partition = partition;
        _script = script;
        _localApic = partition.Record.Options.InterruptController == InterruptControllerMode.None ? null : new byte[LocalApicSize];
        foreach (uint index in partition.Backend.MsrIndexes)
        {
            _msrs[index] = 0;
        }
    }

    public override long TscFrequency => _partition.Record.Options.X64.TscFrequency ?? DefaultTscFrequency;

    public override bool CanTakeInterrupt =>
        (_registers.Rflags & X64Flags.InterruptEnable) != 0 && _events is { InterruptVector: null, BlockedBySti: false, BlockedByMovSs: false };

    /// <summary>The guest runs: it takes what was on its way.</summary>
    internal void OnEntry()
    {
        if (_events.InterruptVector is not null || _events.NmiPending > 0)
        {
            _events = _events with { InterruptVector = null, NmiPending = 0 };
        }
    }

    public override void GetRegisters(out X64Registers registers) => registers = Got(_registers);

    public override void SetRegisters(in X64Registers registers) => Set(ref _registers, registers);

    public override void GetSpecialRegisters(out X64SpecialRegisters registers) => registers = Got(_specialRegisters);

    public override void SetSpecialRegisters(in X64SpecialRegisters registers) => Set(ref _specialRegisters, registers);

    public override void GetDebugRegisters(out X64DebugRegisters registers) => registers = Got(_debugRegisters);

    public override void SetDebugRegisters(in X64DebugRegisters registers) => Set(ref _debugRegisters, registers);

    public override byte[] GetXsave() => [.. Got(_xsave)];

    public override void SetXsave(ReadOnlySpan<byte> xsave) => Set(ref _xsave, xsave.ToArray());

    public override X64XcrValue[] GetXcrs() => [.. Got(_xcrs)];

    public override void SetXcrs(ReadOnlySpan<X64XcrValue> xcrs) => Set(ref _xcrs, xcrs.ToArray());

    public override void GetMsrs(ReadOnlySpan<uint> indexes, Span<ulong> values)
    {
        _partition.Backend.Begin(ScriptedOperation.GetRegisters);
        for (int i = 0; i < indexes.Length; i++)
        {
            values[i] = _msrs.TryGetValue(indexes[i], out ulong value) ? value : throw NoMsr(indexes[i]);
        }
    }

    public override void SetMsrs(ReadOnlySpan<X64MsrValue> msrs)
    {
        _partition.Backend.Begin(ScriptedOperation.SetRegisters);
        foreach (X64MsrValue msr in msrs)
        {
            _msrs[msr.Index] = _msrs.ContainsKey(msr.Index) ? msr.Value : throw NoMsr(msr.Index);
        }
    }

    public override X64CpuidTable GetCpuid() => new(_partition.Cpuid);

    public override void InjectInterrupt(byte vector)
    {
        _events = _events with { InterruptVector = vector };
        _script.RecordInterrupt(vector);
    }

    public override void InjectNmi()
    {
        _events = _events with { NmiPending = int.Min(2, _events.NmiPending + 1) };
        _script.InjectedNmis++;
    }

    public override void RequestInterruptWindow(bool enabled) => _script.IsInterruptWindowRequested = enabled;

    public override X64ActivityState Activity => _activity;

    public override X64VcpuState SaveState()
    {
        _partition.Backend.Begin(ScriptedOperation.SaveState);
        return new()
        {
            Registers = _registers,
            SpecialRegisters = _specialRegisters,
            DebugRegisters = _debugRegisters,
            Xsave = [.. _xsave],
            Xcrs = [.. _xcrs],
            Msrs = [.. _msrs.Select(static msr => new X64MsrValue(msr.Key, msr.Value))],
            Events = _events,
            Activity = _activity,
            LocalApic = _localApic is null ? null : [.. _localApic],
        };
    }

    public override void LoadState(X64VcpuState state)
    {
        _partition.Backend.Begin(ScriptedOperation.LoadState);
        _registers = state.Registers;
        _specialRegisters = state.SpecialRegisters;
        _debugRegisters = state.DebugRegisters;
        _xsave = [.. state.Xsave];
        _xcrs = [.. state.Xcrs];
        _events = state.Events;
        _activity = state.Activity;
        _localApic = state.LocalApic is null ? null : [.. state.LocalApic];
        SetMsrs(state.Msrs);
    }

    private T Got<T>(T value)
    {
        _partition.Backend.Begin(ScriptedOperation.GetRegisters);
        return value;
    }

    private void Set<T>(ref T field, T value)
    {
        _partition.Backend.Begin(ScriptedOperation.SetRegisters);
        field = value;
    }

    private HypervisorException NoMsr(uint index) => new(
        _partition.Backend.Name, "MSR", -1, $"There is no MSR 0x{index:X}.", $"Add it to {nameof(ScriptedBackend)}.{nameof(ScriptedBackend.MsrIndexes)}.");
}
