using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Devices on the buses: which accesses reach which, also while windows come and go.</summary>
public sealed class BusTests
{
    [Fact]
    public void Windows_Fifty_EachGetsItsOwnAccesses()
    {
        const int count = 50;

        const ulong firstPage = TestMachine.DeviceAddress + 0x10_0000;

        // Writes N to register N of the device and to device page N, for N from 49 down to 0.
        using var machine = new TestMachine(Guest.Program(static g =>
        {
            for (int i = count - 1; i >= 0; i--)
            {
                g.Set(GuestRegister.Value, (ulong)i);
                g.Set(GuestRegister.Address, firstPage + ((ulong)i * 0x1000));
                g.Out(4, i * 4);
                g.Store(4);
            }

            g.End();
        }));
        QueueDevice[] registers = [.. Enumerable.Range(0, count).Select(static _ => new QueueDevice())];
        QueueDevice[] pages = [.. Enumerable.Range(0, count).Select(static _ => new QueueDevice())];
        foreach (int i in Enumerable.Range(0, count))
        {
            machine.Partition.DeviceBus().Map(Guest.DevicePlace + ((ulong)i * 4), 4, registers[i]);
            machine.Partition.Mmio.Map(firstPage + ((ulong)i * 0x1000), 0x1000, pages[i]);
        }

        machine.RunToEnd();

        Assert.All(registers, static (device, i) => Assert.Equal([(ulong)i], device.Writes));
        Assert.All(pages, static (device, i) => Assert.Equal([(ulong)i], device.Writes));
        Assert.Equal(0, machine.Vcpu.Statistics.UnhandledWrites);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 2)]
    [InlineData(3, 2)]
    public void Access_StraddlingEndOfWindow_ReachesNoDevice(int start, int size)
    {
        // Reads registers and writes them back, with bytes on both sides of the end of a window.
        using var machine = new TestMachine(Guest.Program(g =>
        {
            g.In(size, start);
            g.Out(size, start);
            g.End();
        }));
        var two = new RecordingDevice(2);
        var next = new RecordingDevice(2);
        machine.Partition.DeviceBus().Map(Guest.DevicePlace, 2, two);
        machine.Partition.DeviceBus().Map(Guest.DevicePlace + 2, 2, next);

        machine.RunToEnd();

        Assert.Equal(Guest.Low(ulong.MaxValue, size), machine.Read(GuestRegister.Value));
        Assert.Empty(two.Accesses);
        Assert.Empty(next.Accesses);
        Assert.Equal(1, machine.Vcpu.Statistics.UnhandledReads);
        Assert.Equal(1, machine.Vcpu.Statistics.UnhandledWrites);
    }

    [Fact]
    public void Window_RemovedByItsDevice_IsGoneForNextAccess()
    {
        // Reads the register three times, and keeps each.
        using var machine = new TestMachine(Guest.Program(static g =>
        {
            g.In(1);
            g.Copy(GuestRegister.First, GuestRegister.Value);
            g.In(1);
            g.Copy(GuestRegister.Second, GuestRegister.Value);
            g.In(1);
            g.End();
        }));
        var device = new OneShotDevice();
        device.Window = machine.Partition.DeviceBus().Map(Guest.DevicePlace, 1, device);

        machine.RunToEnd();

        Assert.Equal((0x42UL, 0xFFUL, 0xFFUL), (machine.Read(GuestRegister.First), machine.Read(GuestRegister.Second), machine.Read(GuestRegister.Value)));
    }

    [Fact]
    public void Window_MappedAndUnmappedWhileRunning_GuestSeesDeviceOrOpenBus()
    {
        // Reads a device for ever: counts its answer in [buffer], ones in [buffer + 8], all else in [buffer + 16].
        TestProgram program = PollingGuest.Create(0x4242_4242, 0xFFFF_FFFF);
        using var machine = new TestMachine(program);
        using var guest = new BackgroundGuest(machine.Partition, 0, program);

        for (int i = 0; i < 200; i++)
        {
            using (machine.Partition.Mmio.Map(TestMachine.DeviceAddress, 0x1000, new ConstantDevice(0x42)))
            {
                PollingGuest.AwaitMore(machine, PollingGuest.First, guest);
            }

            PollingGuest.AwaitMore(machine, PollingGuest.Second, guest);
        }

        Assert.Equal(VcpuExitKind.Canceled, guest.Stop());
        Assert.Equal(0UL, machine.Memory.Read<ulong>(PollingGuest.Other));
    }

    [Fact]
    public void Map_OverRamOrWindow_IsRefusedByName()
    {
        using var machine = new TestMachine();
        machine.Partition.Mmio.Map(TestMachine.DeviceAddress, 0x1000, new ConstantDevice(0));

        ArgumentException overWindow = Assert.Throws<ArgumentException>(
            () => machine.Partition.Mmio.Map(TestMachine.DeviceAddress + 0xFFF, 1, new ConstantDevice(0)));
        ArgumentException overRam = Assert.Throws<ArgumentException>(() => machine.Partition.Mmio.Map(0x1000, 4, new ConstantDevice(0)));
        ArgumentException ramOverWindow = Assert.Throws<ArgumentException>(() => machine.Memory.Map(TestMachine.DeviceAddress, 2 * (ulong)Guest.PageSize));

        Assert.Contains("the window of ConstantDevice at 0xD0000000 to 0xD0000FFF", overWindow.Message, StringComparison.Ordinal);
        Assert.Contains("region RAM at 0x0 to 0x1FFFFF", overRam.Message, StringComparison.Ordinal);
        Assert.Contains("the window of ConstantDevice", ramOverWindow.Message, StringComparison.Ordinal);
    }

    private sealed class OneShotDevice : IBusDevice
    {
        public BusWindow? Window { get; set; }

        public void Read(ulong offset, Span<byte> data)
        {
            data.Fill(0x42);
            Window!.Dispose();
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }
    }

    private sealed class ConstantDevice(byte value) : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data) => data.Fill(value);

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
        }
    }
}
