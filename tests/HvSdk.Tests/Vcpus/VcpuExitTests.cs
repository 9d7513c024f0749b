using HvSdk.Backends;

namespace HvSdk.Tests.Vcpus;

public sealed class VcpuExitTests
{
    /// <summary>Which properties an exit of each kind has; all others throw.</summary>
    private static readonly Dictionary<VcpuExitKind, string> s_properties = new()
    {
        [VcpuExitKind.PortRead] = "Port Data Size Count Value SetValue",
        [VcpuExitKind.PortWrite] = "Port Data Size Count Value",
        [VcpuExitKind.MmioRead] = "Address Data Size Count Value SetValue",
        [VcpuExitKind.MmioWrite] = "Address Data Size Count Value",
        [VcpuExitKind.RegisterRead] = "Data Size Count Value SetValue RegisterIndex Fault",
        [VcpuExitKind.RegisterWrite] = "Data Size Count Value RegisterIndex Fault",
        [VcpuExitKind.Hypercall] = "Data SetValue HypercallNumber",
        [VcpuExitKind.EndOfInterrupt] = "Vector",
        [VcpuExitKind.TaskPriority] = "Priority",
        [VcpuExitKind.SystemEvent] = "SystemEvent",
        [VcpuExitKind.Debug] = "Address DebugCause BreakpointIndex",
        [VcpuExitKind.EmulationFailure] = "InstructionBytes",
        [VcpuExitKind.MemoryFault] = "Address",
    };

    public static TheoryData<VcpuExitKind> Kinds => [.. Enum.GetValues<VcpuExitKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Properties_OfEachKind_AreItsOwnAndNoOthers(VcpuExitKind kind)
    {
        string[] own = s_properties.GetValueOrDefault(kind, "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var found = new List<string>();
        foreach ((string name, Reader read) in s_readers)
        {
            try
            {
                read(Make(kind));
                found.Add(name);
            }
            catch (InvalidOperationException e)
            {
                Assert.Equal($"An exit of kind {kind} does not have this property. Look at VcpuExit.Kind first.", e.Message);
            }
        }

        Assert.Equal(own.Order(), found.Order());
        Assert.Equal(own.Contains("Value"), Make(kind).IsAccess);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ToString_OfEachKind_StartsWithItAndNamesMore(VcpuExitKind kind)
    {
        string text = Make(kind).ToString();
        Assert.StartsWith(kind.ToString(), text, StringComparison.Ordinal);
        Assert.Equal(s_texts[kind], text);
        string thrown = ThrowUnexpected(kind).Message;
        Assert.Contains(text, thrown, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_OfAccesses_AreLittleEndian()
    {
        byte[] data = [1, 2, 3];
        VcpuExit exit = ExitFactory.Mmio(isWrite: false, 0x1000, data);
        Assert.Equal(0x03_0201UL, exit.Value);
        exit.SetValue(0xAABB_CCDD_EEFF);
        Assert.Equal([0xFF, 0xEE, 0xDD], data);
        Assert.Equal(3, exit.Size);
        Assert.Equal(1, exit.Count);
    }

    [Fact]
    public void Strings_OfAccesses_HaveNoSingleValue()
    {
        byte[] data = new byte[6];
        Assert.Equal(2, ExitFactory.Port(isWrite: true, 1, data, 3).Size);
        Assert.Throws<InvalidOperationException>(() => ExitFactory.Port(isWrite: true, 1, data, 3).Value);
        Assert.Throws<InvalidOperationException>(() => ExitFactory.Port(isWrite: false, 1, data, 3).SetValue(1));
    }

    [Fact]
    public void Breakpoint_OfAnotherCause_HasNoIndex()
    {
        Assert.Equal(3, ExitFactory.Debug(DebugCause.HardwareBreakpoint, 0, 3, default).BreakpointIndex);
        Assert.Throws<InvalidOperationException>(() => ExitFactory.Debug(DebugCause.SingleStep, 0, 0, default).BreakpointIndex);
    }

    [Fact]
    public void Fault_OfARegister_SetsTheBackendsByte()
    {
        byte[] fault = new byte[1];
        ExitFactory.Register(isWrite: false, 1, new byte[8], fault).Fault();
        Assert.Equal([1], fault);
    }

    [Fact]
    public void Raw_OfAnyKind_IsWhatTheHostGave()
    {
        VcpuExit exit = ExitFactory.Plain(VcpuExitKind.Unknown, 0, 42, [1, 2]);
        Assert.Equal(42U, exit.RawReason);
        Assert.Equal([1, 2], exit.RawData.ToArray());
        Assert.Equal([9, 0, 0, 0, 0, 0, 0, 0], ExitFactory.Hypercall(1, new byte[8], [9, 0, 0, 0, 0, 0, 0, 0]).RawData.ToArray());
        Assert.Equal("EmulationFailure, the host gives no instruction bytes", ExitFactory.EmulationFailure(default, 1, default).ToString());
    }

    private delegate void Reader(VcpuExit exit);

    private static readonly Dictionary<string, Reader> s_readers = new()
    {
        ["Port"] = static exit => _ = exit.Port,
        ["Address"] = static exit => _ = exit.Address,
        ["Data"] = static exit => _ = exit.Data,
        ["Size"] = static exit => _ = exit.Size,
        ["Count"] = static exit => _ = exit.Count,
        ["Value"] = static exit => _ = exit.Value,
        ["SetValue"] = static exit => exit.SetValue(1),
        ["RegisterIndex"] = static exit => _ = exit.RegisterIndex,
        ["Fault"] = static exit => exit.Fault(),
        ["HypercallNumber"] = static exit => _ = exit.HypercallNumber,
        ["Vector"] = static exit => _ = exit.Vector,
        ["Priority"] = static exit => _ = exit.Priority,
        ["SystemEvent"] = static exit => _ = exit.SystemEvent,
        ["DebugCause"] = static exit => _ = exit.DebugCause,
        ["BreakpointIndex"] = static exit => _ = exit.BreakpointIndex,
        ["InstructionBytes"] = static exit => _ = exit.InstructionBytes,
    };

    private static readonly Dictionary<VcpuExitKind, string> s_texts = new()
    {
        [VcpuExitKind.Unknown] = "Unknown (host's number 33 = 0x21)",
        [VcpuExitKind.Canceled] = "Canceled",
        [VcpuExitKind.PortRead] = "PortRead port 0x3F8 size 2 count 1",
        [VcpuExitKind.PortWrite] = "PortWrite port 0x3F8 size 2 count 1 data 1234",
        [VcpuExitKind.MmioRead] = "MmioRead GPA 0xFEB00000 size 2",
        [VcpuExitKind.MmioWrite] = "MmioWrite GPA 0xFEB00000 size 2 data 1234",
        [VcpuExitKind.RegisterRead] = "RegisterRead register 0x10",
        [VcpuExitKind.RegisterWrite] = "RegisterWrite register 0x10 data 0100000000000000",
        [VcpuExitKind.Hypercall] = "Hypercall number 0xC",
        [VcpuExitKind.Halt] = "Halt",
        [VcpuExitKind.Shutdown] = "Shutdown",
        [VcpuExitKind.InterruptWindow] = "InterruptWindow",
        [VcpuExitKind.EndOfInterrupt] = "EndOfInterrupt vector 5",
        [VcpuExitKind.TaskPriority] = "TaskPriority 5",
        [VcpuExitKind.SystemEvent] = "SystemEvent PowerOff (host's number 1)",
        [VcpuExitKind.Debug] = "Debug HardwareBreakpoint at 0x7000",
        [VcpuExitKind.EmulationFailure] = "EmulationFailure at instruction 0F01",
        [VcpuExitKind.EntryFailure] = "EntryFailure (host's number 33 = 0x21)",
        [VcpuExitKind.MemoryFault] = "MemoryFault GPA 0x5",
        [VcpuExitKind.Timer] = "Timer",
        [VcpuExitKind.HostFailure] = "HostFailure (host's number 33 = 0x21)",
    };

    private static VcpuExit Make(VcpuExitKind kind) => kind switch
    {
        VcpuExitKind.PortRead or VcpuExitKind.PortWrite => ExitFactory.Port(kind == VcpuExitKind.PortWrite, 0x3F8, new byte[] { 0x12, 0x34 }, 1),
        VcpuExitKind.MmioRead or VcpuExitKind.MmioWrite => ExitFactory.Mmio(kind == VcpuExitKind.MmioWrite, 0xFEB0_0000, new byte[] { 0x12, 0x34 }),
        VcpuExitKind.RegisterRead or VcpuExitKind.RegisterWrite => ExitFactory.Register(
            kind == VcpuExitKind.RegisterWrite, 0x10, new byte[] { 1, 0, 0, 0, 0, 0, 0, 0 }, new byte[1]),
        VcpuExitKind.Hypercall => ExitFactory.Hypercall(12, new byte[8], default),
        VcpuExitKind.SystemEvent => ExitFactory.SystemEvent(SystemEventKind.PowerOff, 1, default),
        VcpuExitKind.Debug => ExitFactory.Debug(DebugCause.HardwareBreakpoint, 0x7000, 1, default),
        VcpuExitKind.EmulationFailure => ExitFactory.EmulationFailure(new byte[] { 0x0F, 0x01 }, 1, default),
        _ => ExitFactory.Plain(kind, 5, 33),
    };

    private static InvalidOperationException ThrowUnexpected(VcpuExitKind kind) =>
        Assert.Throws<InvalidOperationException>(() => Make(kind).ThrowUnexpected());
}
