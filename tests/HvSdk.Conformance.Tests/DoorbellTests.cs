using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Which writes of the guest ring a doorbell, and that those leave no exit behind.</summary>
public sealed class DoorbellTests
{
    private const ulong Address = TestMachine.DeviceAddress;
    private const ushort Port = TestMachine.DevicePort;

    public static TheoryData<BusSpace, int> SpacesAndSizes
    {
        get
        {
            TheoryData<BusSpace, int> data = [];
            foreach (int size in (int[])[0, 1, 2, 4, 8])
            {
                data.Add(BusSpace.Mmio, size);
                if (Guest.IsX64 && size <= 4)
                {
                    data.Add(BusSpace.Ports, size);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(SpacesAndSizes))]
    public void Doorbell_OfSize_IsRungByWritesOfThatSizeAlone(BusSpace space, int size)
    {
        foreach (int written in space == BusSpace.Mmio ? new[] { 1, 2, 4, 8 } : [1, 2, 4])
        {
            using TestMachine machine = CreateWriter(space, (written, 0x11));
            using Doorbell doorbell = machine.Partition.CreateDoorbell(Locate(space, size));
            bool rings = size == 0 || size == written;

            AssertWrites(machine, space, [rings]);

            Assert.Equal(rings, IsRung(doorbell, rings));
        }
    }

    [Theory]
    [MemberData(nameof(Guest.Spaces), MemberType = typeof(Guest))]
    public void Doorbell_WithValue_IsRungByThatValueAlone(BusSpace space)
    {
        using TestMachine machine = CreateWriter(space, (4, 0x1234_5677), (4, 0x1234_5678), (2, 0x5678));
        using Doorbell doorbell = machine.Partition.CreateDoorbell(Locate(space, 4, 0x1234_5678));

        AssertWrites(machine, space, [false, true, false]);

        Assert.True(IsRung(doorbell, expected: true));
        Assert.False(doorbell.Wait(TimeSpan.Zero));
    }

    [Theory]
    [MemberData(nameof(Guest.Spaces), MemberType = typeof(Guest))]
    public void Doorbells_OfSeveralValuesAtOneAddress_AreRungEachByItsOwn(BusSpace space)
    {
        using TestMachine machine = CreateWriter(space, (2, 3), (2, 7), (2, 1));
        Doorbell[] doorbells = [.. Enumerable.Range(0, 4).Select(i => machine.Partition.CreateDoorbell(Locate(space, 2, (ulong)i)))];

        AssertWrites(machine, space, [true, false, true]);

        bool[] expected = [false, true, false, true];
        Assert.Equal(expected, doorbells.Select((doorbell, i) => IsRung(doorbell, expected[i])));
    }

    [Fact]
    public void Doorbells_AtDifferentAddresses_AreRungEachByItsOwn()
    {
        using TestMachine machine = CreateWriter(BusSpace.Mmio, (4, 1));
        using Doorbell other = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(Address + 4));
        using Doorbell port = machine.Partition.CreateDoorbell(DoorbellLocation.Port(Port));
        using Doorbell own = machine.Partition.CreateDoorbell(DoorbellLocation.Mmio(Address));

        AssertWrites(machine, BusSpace.Mmio, [true]);

        Assert.True(IsRung(own, expected: true));
        Assert.False(IsRung(other, expected: false));
        Assert.False(IsRung(port, expected: false));
    }

    [Theory]
    [MemberData(nameof(Guest.Spaces), MemberType = typeof(Guest))]
    public void Doorbell_DisposedOf_TheWriteLeavesAgain(BusSpace space)
    {
        using TestMachine machine = CreateWriter(space, (4, 1));
        Doorbell doorbell = machine.Partition.CreateDoorbell(Locate(space, 4));
        _ = machine.Vcpu;

        doorbell.Dispose();
        doorbell.Dispose();

        AssertWrites(machine, space, [false]);
    }

    [Fact]
    public void Doorbell_RungBeforeAnybodyWaits_RingsGather()
    {
        using TestMachine machine = CreateWriter(Guest.DeviceSpace, (4, 1), (4, 2), (4, 3));
        using Doorbell doorbell = machine.Partition.CreateDoorbell(Locate(Guest.DeviceSpace, 4));

        AssertWrites(machine, Guest.DeviceSpace, [true, true, true]);

        Assert.True(IsRung(doorbell, expected: true));
        Assert.False(doorbell.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void Doorbell_AtDeviceWindow_TakesItsWritesAlone()
    {
        using TestMachine machine = CreateWriter(Guest.DeviceSpace, (4, 1), (4, 2));
        var device = new Recorder();
        using BusWindow window = machine.Partition.DeviceBus().Map(Guest.DevicePlace, 4, device);
        using Doorbell doorbell = machine.Partition.CreateDoorbell(Locate(Guest.DeviceSpace, 4, 2));

        machine.RunToEnd();

        Assert.Equal(["01000000"], device.Writes);
        Assert.True(IsRung(doorbell, expected: true));
    }

    [Fact]
    public void Doorbell_Twice_IsRefusedAndTheFirstRingsOn()
    {
        using TestMachine machine = CreateWriter(Guest.DeviceSpace, (4, 1));
        using Doorbell doorbell = machine.Partition.CreateDoorbell(Locate(Guest.DeviceSpace, 4));

        var exception = Assert.Throws<HypervisorException>(() => machine.Partition.CreateDoorbell(Locate(Guest.DeviceSpace, 4)));

        Assert.Contains("exists already", exception.Remedy, StringComparison.Ordinal);
        AssertWrites(machine, Guest.DeviceSpace, [true]);
        Assert.True(IsRung(doorbell, expected: true));
    }

    public static TheoryData<DoorbellLocation, string> Impossible => new()
    {
        { DoorbellLocation.Mmio(0x1000), "RAM" },
        { DoorbellLocation.Mmio(Address, 3), "3 bytes" },
        { DoorbellLocation.Port(Port, 8), "8 bytes" },
        { DoorbellLocation.Port(Port, 0, 1), "size" },
        { DoorbellLocation.Port(Port, 1, 0x100), "0x100" },
        { new DoorbellLocation(BusSpace.Ports, 0x1_0000, 1, null), "0xFFFF" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Doorbell_ThatNothingCanRing_IsRefusedInWords(DoorbellLocation location, string words)
    {
        using var machine = new TestMachine();

        var exception = Assert.Throws<ArgumentException>(() => machine.Partition.CreateDoorbell(location));

        Assert.Contains(words, exception.Message, StringComparison.Ordinal);
    }

    private static DoorbellLocation Locate(BusSpace space, int size, ulong? value = null) =>
        new(space, space == BusSpace.Mmio ? Address : Port, size, value);

    /// <summary>Makes some writes of a size and a value, and halts.</summary>
    private static TestMachine CreateWriter(BusSpace space, params (int Size, uint Value)[] writes) => new(Guest.Program(g =>
    {
        g.Set(GuestRegister.Address, Address);
        foreach ((int size, uint value) in writes)
        {
            g.Set(GuestRegister.Value, value);
            if (space == BusSpace.Mmio)
            {
                g.Store(size);
            }
            else
            {
                g.Out(size);
            }
        }

        g.End();
    }));

    /// <summary>Runs the guest to its halt. Where the host serves doorbells only the writes that ring nothing may leave; elsewhere all do, and the bus rings.</summary>
    private static void AssertWrites(TestMachine machine, BusSpace space, ReadOnlySpan<bool> rings)
    {
        if (!machine.Partition.Capabilities.Supports(HypervisorFeatures.HostDoorbells))
        {
            machine.RunToEnd();
            Assert.Equal(rings.Count(false), machine.Vcpu.Statistics.UnhandledWrites);
            return;
        }

        foreach (bool ring in rings)
        {
            if (!ring)
            {
                machine.RunOnce(space == BusSpace.Mmio ? VcpuExitKind.MmioWrite : VcpuExitKind.PortWrite);
            }
        }

        machine.RunOnce(Guest.EndExit);
    }

    private sealed class Recorder : IBusDevice
    {
        public List<string> Writes { get; } = [];

        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data) => Writes.Add(Convert.ToHexString(data));
    }

    /// <summary>A host may set the event a moment after the guest has gone on: a ring that must come is waited for.</summary>
    private static bool IsRung(Doorbell doorbell, bool expected) => doorbell.Wait(expected ? Limit.Value : TimeSpan.Zero);
}
