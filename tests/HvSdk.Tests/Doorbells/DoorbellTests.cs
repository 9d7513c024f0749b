using HvSdk.Testing;

namespace HvSdk.Tests.Doorbells;

/// <summary>Doorbells on a host that serves none: the bus rings them.</summary>
public sealed class DoorbellTests
{
    [Fact]
    public void Write_ThatMatches_RingsAndReachesNoDevice()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice();
        machine.Partition.Mmio.Map(0x1000, 0x100, device);
        using Doorbell any = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0x1000));
        using Doorbell sized = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0x1004, 2));
        using Doorbell valued = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0x1008, 4, 0x8000_0001));
        using Doorbell port = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x1008, 1, 7));
        machine.Script
            .MmioWrite(0x1000, 5, 8)
            .MmioWrite(0x1004, 5, 2)
            .MmioWrite(0x1008, 0x8000_0001)
            .PortWrite(0x1008, 7)
            .MmioRead(0x1000, out _)
            .MmioWrite(0x1001, 5, 1)
            .MmioWrite(0x1004, 5, 4)
            .MmioWrite(0x1008, 1);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
        foreach (Doorbell doorbell in new[] { any, sized, valued, port })
        {
            Assert.True(doorbell.Wait(TimeSpan.Zero), $"{doorbell.Location} did not ring");
            Assert.False(doorbell.Wait(TimeSpan.Zero), $"{doorbell.Location} rang twice");
        }

        Assert.Equal(["read 0", "write 1: 05", "write 4: 05000000", "write 8: 01000000"], device.Log);
        Assert.Equal(0, vcpu.Statistics.UnhandledWrites);
        Assert.Equal(4, machine.Record.Doorbells.Count);
    }

    [Fact]
    public void Rings_ThatNobodyTook_AreOne()
    {
        using ScriptedMachine machine = new();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x80));
        machine.Script.PortWriteString(0x80, [1, 2, 3]).PortWrite(0x80, 4);
        machine.RunToEnd();
        doorbell.Ring();
        doorbell.Wait();
        Assert.False(doorbell.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void Doorbell_Twice_IsRefusedAndTheFirstRingsOn()
    {
        using ScriptedMachine machine = new();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x80, 1, 7));

        HypervisorException e = Assert.Throws<HypervisorException>(() => machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x80, 1, 7)));
        using Doorbell other = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x80, 1, 8));

        Assert.Contains("exists already", e.Remedy, StringComparison.Ordinal);
        machine.Script.PortWrite(0x80, 7);
        machine.RunToEnd();
        Assert.True(doorbell.Wait(TimeSpan.Zero));
        Assert.False(other.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void Write_AfterTheDoorbellIsGone_GoesToTheDevice()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice();
        machine.Partition.Ports.Map(0x80, 1, device);
        Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x80));
        machine.Script.PortWrite(0x80, 1).Do(doorbell.Dispose).PortWrite(0x80, 2);
        machine.RunToEnd();
        Assert.Equal(["write 0: 02"], device.Log);
        doorbell.Dispose();
        doorbell.Ring();
        Assert.Throws<ObjectDisposedException>(() => doorbell.Wait());
    }

    [Fact]
    public async Task Wait_OfSeveralThreads_EndsWithTheDoorbell()
    {
        using ScriptedMachine machine = new();
        Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x80));
        int waiting = 0;
        Task[] waiters = [.. Enumerable.Range(0, 4).Select(_ => Limits.OnThread(() =>
        {
            Interlocked.Increment(ref waiting);
            Assert.Throws<ObjectDisposedException>(() => doorbell.Wait());
        }))];
        Limits.Until(() => Volatile.Read(ref waiting) == 4, "all threads wait");
        machine.Partition.Dispose();
        await Task.WhenAll(waiters).Within("the waiting threads");
    }

    [Fact]
    public async Task Wait_TokenCancelled_ThrowsAndKeepsLaterRings()
    {
        using ScriptedMachine machine = new();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Port(0x80));
        using var source = new CancellationTokenSource();
        Task wait = Limits.OnThread(() => doorbell.Wait(source.Token));
        await source.CancelAsync();
        OperationCanceledException e = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.Within("the cancelled wait"));
        Assert.Equal(source.Token, e.CancellationToken);
        Assert.Throws<OperationCanceledException>(() => doorbell.Wait(source.Token));
        doorbell.Ring();
        Assert.True(doorbell.Wait(TimeSpan.Zero));
        Assert.False(doorbell.Wait(TimeSpan.FromMilliseconds(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => doorbell.Wait(TimeSpan.FromSeconds(-2)));
    }

    [Fact]
    public async Task Rings_AndAWorker_NoneIsLost()
    {
        using ScriptedMachine machine = new();
        using Doorbell doorbell = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(0x1000, 4, 1));
        using var taken = new SemaphoreSlim(0);
        const int rounds = 1000;
        for (int i = 0; i < rounds; i++)
        {
            machine.Script.MmioWrite(0x1000, 1).Do(() => Assert.True(taken.Wait(Limits.Limit), "a ring was lost"));
        }

        Task worker = Limits.OnThread(() =>
        {
            for (int i = 0; i < rounds; i++)
            {
                doorbell.Wait();
                taken.Release();
            }
        });
        machine.RunToEnd();
        await worker.Within("the worker");
    }

    [Theory]
    [InlineData(BusSpace.Ports, 0x10000UL, 0, null, "There is no port 0x10000; the last one is 0xFFFF")]
    [InlineData(BusSpace.Ports, 0x80UL, 8, null, "A doorbell on Ports cannot have 8 bytes. Use 0 for any size")]
    [InlineData(BusSpace.Mmio, 0UL, 3, null, "A doorbell on Mmio cannot have 3 bytes")]
    [InlineData(BusSpace.Mmio, 0UL, -1, null, "cannot have -1 bytes")]
    [InlineData(BusSpace.Mmio, 0UL, 16, null, "cannot have 16 bytes")]
    [InlineData(BusSpace.Mmio, 0UL, 0, 5UL, "needs to know the size of the write")]
    [InlineData(BusSpace.Mmio, 0UL, 2, 0x10000UL, "The value 0x10000 does not fit a write of 2 bytes")]
    [InlineData(BusSpace.Mmio, 0x4FFFUL, 1, null, "region RAM at 0x4000 to 0x4FFF takes the write")]
    [InlineData(BusSpace.Mmio, 0x3FFEUL, 4, null, "region RAM at 0x4000 to 0x4FFF takes the write")]
    [InlineData(BusSpace.Mmio, 1UL << 40, 4, null, "would never ring: guest addresses have 40 bits here")]
    [InlineData(BusSpace.Mmio, ulong.MaxValue, 4, null, "would never ring")]
    public void Create_WriteThatCannotBe_IsRefused(BusSpace space, ulong address, int size, ulong? value, string words)
    {
        using ScriptedMachine machine = new();
        machine.Partition.Memory.Map(0x4000, 0x1000);
        ArgumentException e = Assert.Throws<ArgumentException>(() => machine.Partition.CreateDoorbell(new DoorbellLocation(space, address, size, value)));
        Assert.Equal("location", e.ParamName);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Empty(machine.Record.Doorbells);
    }

    [Theory]
    [InlineData(0xFFFFUL, 4, 0xFFFF_FFFFUL)]
    [InlineData(0UL, 1, 0UL)]
    [InlineData(0UL, 0, null)]
    public void Create_EdgesOfWhatCanBe_AreTaken(ulong address, int size, ulong? value)
    {
        using ScriptedMachine machine = new();
        using Doorbell port = machine.Partition.CreateDoorbell(new DoorbellLocation(BusSpace.Ports, address, size, value));
        using Doorbell mmio = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio((1UL << 40) - 8, 8, ulong.MaxValue));
        Assert.Equal(address, port.Location.Address);
    }

    [Fact]
    public void Location_InWords_NamesAll()
    {
        Assert.Equal("Ports 0x80, any size, any value", DoorbellLocation.Port(0x80).ToString());
        Assert.Equal("Mmio 0xFEB00000, 4 bytes, value 0x1F", DoorbellLocation.Mmio(0xFEB0_0000, 4, 31).ToString());
    }

    [Fact]
    public void Create_HostRefuses_ReachesTheCaller()
    {
        using ScriptedMachine machine = new();
        machine.Backend.FailNext(ScriptedOperation.CreateDoorbell);
        Assert.Throws<HypervisorException>(() => machine.Partition.CreateDoorbell(DoorbellLocation.Port(1)));
        machine.Partition.CreateDoorbell(DoorbellLocation.Port(1)).Dispose();
    }
}
