using HvSdk.Testing;

namespace HvSdk.Tests.Testing.Scripting;

public sealed class ScriptedBackendTests
{
    [Fact]
    public void Probe_Default_IsAvailable() => Assert.Equal("Scripted: available (a script of exits)", Hypervisor.Probe(new ScriptedBackend()).ToString());

    [Fact]
    public void Open_MadeUnavailable_ThrowsWithItsWords()
    {
        var backend = new ScriptedBackend();
        backend.MakeUnavailable("There is no chip.", "Buy one.");
        HypervisorUnavailableException e = Assert.Throws<HypervisorUnavailableException>(() => Hypervisor.Open(backend));
        Assert.Contains("Scripted: not available. There is no chip. Buy one.", e.Message, StringComparison.Ordinal);
        Assert.Throws<HypervisorUnavailableException>(() => backend.Open(Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance));
    }

    [Fact]
    public void Partition_BeforeAnyWasMade_SaysSo() => Assert.Throws<InvalidOperationException>(() => new ScriptedBackend().Partition);

    [Fact]
    public void Run_PastTheScript_HaltsOnceAndThenThrows()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => vcpu.Run().Kind);
        Assert.Contains("script of vCPU 0 has ended", e.Message, StringComparison.Ordinal);
        machine.Script.Shutdown();
        Assert.Equal(VcpuExitKind.Shutdown, vcpu.Run().Kind);
    }

    [Fact]
    public void Answer_BeforeTheNextEntry_IsNotGiven()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x60, out ScriptedAnswer answer, size: 2).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.RunOnce().SetValue(0x1234);
        Assert.False(answer.IsGiven);
        Assert.Throws<InvalidOperationException>(() => answer.Value);
        Assert.Equal(VcpuExitKind.Halt, vcpu.RunOnce().Kind);
        Assert.Equal(0x1234UL, answer.Value);
    }

    [Fact]
    public void Answer_OfALongString_IsNoNumber()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortReadString(0x60, 9, out ScriptedAnswer answer);
        machine.RunToEnd();
        Assert.Equal(9, answer.Bytes.Length);
        Assert.Throws<InvalidOperationException>(() => answer.Value);
    }

    [Fact]
    public void Registers_Faulted_AreSeenByTheScript()
    {
        using ScriptedMachine machine = new();
        machine.Script.RegisterRead(0x10, out ScriptedAnswer read).RegisterWrite(0x11, 7, out ScriptedAnswer write);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.RunOnce().SetValue(0xABCD);
        VcpuExit exit = vcpu.RunOnce();
        Assert.Equal(7UL, exit.Value);
        exit.Fault();
        vcpu.RunOnce();
        Assert.Equal((0xABCDUL, false), (read.Value, read.IsFaulted));
        Assert.True(write.IsFaulted);
    }

    [Fact]
    public void WaitForCancel_NobodyCancels_TimesOut()
    {
        using ScriptedMachine machine = new(null, static backend => backend.WaitLimit = TimeSpan.FromMilliseconds(1));
        machine.Script.WaitForCancel();
        Assert.Throws<TimeoutException>(machine.RunToEnd);
    }

    [Fact]
    public void Store_ToRam_IsThereAndDirty()
    {
        using ScriptedMachine machine = new();
        MemoryRegion ram = machine.Partition.Memory.Map(0, 0x4000, new() { TrackDirtyPages = true });
        machine.Script.Store(0x1FFF, 1, 2).Store(0x3000);
        machine.RunToEnd();
        Assert.Equal((ushort)0x0201, ram.Read<ushort>(0x1FFF));
        ulong[] dirty = new ulong[1];
        Assert.Equal(2, ram.CollectDirtyPages(dirty));
        Assert.Equal(0b0110UL, dirty[0]);
    }

    [Theory]
    [InlineData(0x2000UL)] // read-only
    [InlineData(0x1FFFUL)] // half of it
    [InlineData(0x9000UL)] // nothing
    public void Store_NotToRam_IsAMistakeInTheScript(ulong address)
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0, 0x2000);
        machine.Partition.Memory.Map(0x2000, 0x1000, new() { Access = MemoryAccess.ReadOnly });
        machine.Script.Store(address, 1, 2);
        Assert.Contains(nameof(VcpuScript.MmioWrite), Assert.Throws<InvalidOperationException>(machine.RunToEnd).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ScriptedOperation.CreateVcpu)]
    [InlineData(ScriptedOperation.AllocateMemory)]
    [InlineData(ScriptedOperation.MapMemory)]
    [InlineData(ScriptedOperation.Enter)]
    public void FailNext_Operation_ThrowsOnce(ScriptedOperation operation)
    {
        using ScriptedMachine machine = new();
        machine.Backend.FailNext(operation);
        HypervisorException e = Assert.Throws<HypervisorException>(Use);
        Assert.Equal(operation.ToString(), e.Operation);
        Use();

        // A partition of its own each time: a vCPU's index is used once.
        void Use()
        {
            using Partition partition = machine.Hypervisor.CreatePartition();
            partition.Memory.Map(0, 0x1000);
            using Vcpu vcpu = partition.CreateVcpu(0);
            Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
        }
    }

    [Fact]
    public void FailNext_WithAnExceptionOfItsOwn_ThrowsThat()
    {
        using ScriptedMachine machine = new();
        HypervisorException failure = new("KVM", "KVM_CREATE_VCPU", 24, "Too many files.", "Close some.");
        machine.Backend.FailNext(ScriptedOperation.CreateVcpu, failure);
        Assert.Same(failure, Assert.Throws<HypervisorException>(() => machine.Partition.CreateVcpu(0)));
        Assert.Equal("KVM: KVM_CREATE_VCPU failed: Too many files. Close some.", failure.Message);
    }

    [Fact]
    public void AllocateMemory_FromAFile_IsRefused()
    {
        using ScriptedMachine machine = new();
        Assert.Throws<NotSupportedException>(() =>
            machine.Partition.Memory.Map(0, 0x1000, new() { Backing = MemoryBacking.File("/nowhere", FileSharing.Private) }));
    }

    [Fact]
    public void PortWrite_ValueThatDoesNotFit_IsRefused()
    {
        VcpuScript script = new ScriptedBackend().Vcpu(0);
        Assert.Throws<ArgumentOutOfRangeException>(() => script.PortWrite(0x80, 0x100));
        Assert.Throws<ArgumentOutOfRangeException>(() => script.PortWrite(0x80, 0, size: 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => script.MmioWrite(0x80, 0, size: 9));
        Assert.Throws<ArgumentException>(() => script.PortWriteString(0x80, [1, 2, 3], size: 2));
    }

    [Fact]
    public void Trigger_Signalled_IsRecordedAndAcknowledged()
    {
        using ScriptedMachine machine = new(new() { InterruptController = InterruptControllerMode.Full });
        InterruptController interrupts = machine.Partition.Interrupts;
        using InterruptTrigger level = interrupts.CreateTrigger(interrupts.GetLine(9), levelTriggered: true);
        using InterruptTrigger edge = interrupts.CreateTrigger(interrupts.GetLine(4));
        using InterruptTrigger message = interrupts.CreateTrigger(MsiMessage.ForX64(0x41));
        level.Signal();
        edge.Signal();
        message.Signal();
        Assert.True(machine.Record.IsAsserted(9));
        Assert.False(level.WaitForAcknowledge(TimeSpan.Zero));
        machine.Record.Acknowledge(9);
        Assert.True(level.WaitForAcknowledge(Limits.Limit));
        Assert.Equal([(9, true), (4, true), (4, false), (9, false)], machine.Record.LineChanges);
        Assert.Equal([MsiMessage.ForX64(0x41)], machine.Record.Messages);
        Assert.Equal(3, machine.Record.LiveTriggers);
        machine.Partition.Dispose();
        Assert.Equal(0, machine.Record.LiveTriggers);
    }

    [Fact]
    public void Dispose_OfEverything_LeavesNothing()
    {
        ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0, 0x1000);
        Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal((1, 1, false, 1), (machine.Record.LiveVcpus, machine.Record.MappedRegions, machine.Record.IsDisposed, machine.Backend.OpenHosts));
        machine.Dispose();
        Assert.Equal((0, 0, true, 0), (machine.Record.LiveVcpus, machine.Record.MappedRegions, machine.Record.IsDisposed, machine.Backend.OpenHosts));
        Assert.Throws<ObjectDisposedException>(() => vcpu.Run().Kind);
    }
}
