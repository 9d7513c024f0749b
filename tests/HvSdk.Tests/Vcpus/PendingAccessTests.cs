using HvSdk.Testing;

namespace HvSdk.Tests.Vcpus;

/// <summary>An access that is open is completed before state is saved or loaded.</summary>
public sealed class PendingAccessTests
{
    [Fact]
    public void SaveState_AfterARead_CompletesItWithTheAnswer()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x60, out ScriptedAnswer answer, 2).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.RunOnce().SetValue(0x1234);
        vcpu.X64.SaveState();
        Assert.Equal(0x1234UL, answer.Value);
        Assert.Equal(VcpuExitKind.Halt, vcpu.RunOnce().Kind);
    }

    [Fact]
    public void SaveState_InstructionOfSeveralAccesses_AsksTheBusForTheRest()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice { Answer = [0x77, 0x88] };
        machine.Partition.Mmio.Map(0x1000, 8, device);
        ScriptedAnswer second = null!;
        machine.Script.OneInstruction(i => i.MmioRead(0xFFE, out _, 2).MmioRead(0x1000, out second, 2).MmioWrite(0x1004, 5)).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.RunOnce().SetValue(1);
        vcpu.X64.SaveState();
        Assert.Equal(0x8877UL, second.Value);
        Assert.Equal(["read 0", "write 4: 05000000"], device.Log);
        Assert.Equal(VcpuExitKind.Halt, vcpu.RunOnce().Kind);
    }

    [Fact]
    public void SaveState_NothingPending_EntersNothing()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.X64.SaveState();
        Assert.Equal(VcpuExitKind.Halt, vcpu.RunOnce().Kind);
        vcpu.X64.SaveState();
        Assert.Equal(1, machine.Script.Entries);
    }

    [Fact]
    public void SaveState_CancelBeforeIt_StaysForTheNextRun()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x60, 1).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.RunOnce();
        vcpu.Cancel();
        vcpu.X64.SaveState();
        Assert.Equal(VcpuExitKind.Canceled, vcpu.Run().Kind);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
    }

    [Fact]
    public void SaveState_InAHandler_CompletesTheAccessOfTheRun()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x60, 1).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            if (exit.IsAccess)
            {
                vcpu.X64.SaveState();
            }

            return ExitDisposition.NotHandled;
        });
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run(ref handler).Kind);
        Assert.Equal(2, handler.Seen.Count);
    }

    [Fact]
    public void State_SavedAndLoadedIntoAnother_IsTheSame()
    {
        using ScriptedMachine machine = new(new() { MaxVcpus = 2, InterruptController = InterruptControllerMode.Full });
        using Vcpu first = machine.Partition.CreateVcpu(0);
        using Vcpu second = machine.Partition.CreateVcpu(1);
        first.X64.SetRegisters(new X64Registers { Rax = 1, Rip = 0x1000 });
        first.X64.SetSpecialRegisters(new X64SpecialRegisters { Cr3 = 0x5000, Cs = X64Segment.FlatCode(8) });
        first.X64.SetDebugRegisters(new X64DebugRegisters { Dr7 = 0x400 });
        first.X64.SetMsr(X64MsrIndex.Lstar, 0xFFFF);
        first.X64.SetXcrs(new X64XcrValue(0, 7));
        X64VcpuState state = first.X64.SaveState();
        second.X64.LoadState(state);
        Assert.Equivalent(state, second.X64.SaveState(), strict: true);
        Assert.Equal(0x5000UL, second.X64.GetSpecialRegisters().Cr3);
        Assert.Equal(0xFFFFUL, second.X64.GetMsr(X64MsrIndex.Lstar));
        Assert.Equal([new X64XcrValue(0, 7)], second.X64.GetXcrs());
    }

    [Fact]
    public void LoadState_ThatDoesNotFit_IsRefusedByName()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        X64VcpuState state = vcpu.X64.SaveState();
        Check("holds a local APIC and the partition keeps none", state with { LocalApic = new byte[1024] });
        Check("has 1024 bytes, and this one 5", state with { LocalApic = new byte[5] });
        Check("at least 576 bytes, and this one 575", state with { Xsave = new byte[575] });
        Assert.Throws<ArgumentNullException>(() => vcpu.X64.LoadState(null!));
        vcpu.X64.LoadState(state);

        using ScriptedMachine withController = new(new() { InterruptController = InterruptControllerMode.PerVcpu });
        using Vcpu other = withController.Partition.CreateVcpu(0);
        ArgumentException e = Assert.Throws<ArgumentException>(() => other.X64.LoadState(state));
        Assert.Contains("holds no local APIC and the partition keeps one. Create the partition with the InterruptController", e.Message, StringComparison.Ordinal);

        void Check(string words, X64VcpuState wrong) =>
            Assert.Contains(words, Assert.Throws<ArgumentException>(() => vcpu.X64.LoadState(wrong)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void States_HostWithoutTransfer_AreRefused()
    {
        using ScriptedMachine machine = new(null, ScriptedMachine.Without(HypervisorFeatures.StateTransfer));
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Check(() => vcpu.X64.SaveState());
        Check(() => vcpu.X64.LoadState(null!), typeof(ArgumentNullException));
        Check(() => machine.Partition.SaveState());
        Check(() => machine.Partition.LoadState(new PartitionState()));
        Check(() => machine.Partition.LoadState(null!), typeof(ArgumentNullException));

        static void Check(Action action, Type? expected = null) => Assert.Throws(expected ?? typeof(NotSupportedException), action);
    }

    [Fact]
    public void PartitionState_SavedAndLoaded_IsTheSame()
    {
        using ScriptedMachine machine = new();
        PartitionState state = new() { ClockNanoseconds = 77 };
        machine.Partition.LoadState(state);
        Assert.Equal(state, machine.Partition.SaveState());
        machine.Backend.FailNext(ScriptedOperation.LoadState);
        Assert.Throws<HypervisorException>(() => machine.Partition.LoadState(state));
    }
}
