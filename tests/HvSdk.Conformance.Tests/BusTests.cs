using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Devices on the buses: which accesses reach which, also while windows come and go.</summary>
public sealed class BusTests
{
    [Fact]
    public void Windows_Fifty_EachGetsItsOwnAccesses()
    {
        const int count = 50;

        // Writes N to port 0x500 + 4 N and to device page N, for N from 49 down to 0.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            Iced.Intel.Label next = a.CreateLabel();
            a.mov(ecx, count - 1);
            a.Label(ref next);
            a.lea(edx, __[rcx * 4 + TestMachine.DevicePort]);
            a.mov(eax, ecx);
            a.@out(dx, eax);
            a.mov(edi, ecx);
            a.shl(edi, 12);
            a.add(edi, unchecked((int)TestMachine.DeviceAddress));
            a.mov(__[rdi], eax);
            a.dec(ecx);
            a.jns(next);
            a.hlt();
        }));
        QueueDevice[] ports = [.. Enumerable.Range(0, count).Select(static _ => new QueueDevice())];
        QueueDevice[] pages = [.. Enumerable.Range(0, count).Select(static _ => new QueueDevice())];
        foreach (int i in Enumerable.Range(0, count))
        {
            machine.Partition.Ports.Map((ulong)(TestMachine.DevicePort + (i * 4)), 4, ports[i]);
            machine.Partition.Mmio.Map(TestMachine.DeviceAddress + ((ulong)i * 0x1000), 0x1000, pages[i]);
        }

        machine.Run(VcpuExitKind.Halt);

        Assert.All(ports, static (device, i) => Assert.Equal([(ulong)i], device.Writes));
        Assert.All(pages, static (device, i) => Assert.Equal([(ulong)i], device.Writes));
        Assert.Equal(0, machine.Vcpu.Statistics.UnhandledWrites);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 2)]
    [InlineData(3, 2)]
    public void Access_StraddlingEndOfWindow_ReachesNoDevice(int start, int size)
    {
        // Reads the port and writes it back, with bytes on both sides of the end of a window.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(edx, TestMachine.DevicePort + start);
            a.In(size);
            a.Out(size);
            a.hlt();
        }));
        var two = new RecordingDevice(2);
        var next = new RecordingDevice(2);
        machine.Partition.Ports.Map(TestMachine.DevicePort, 2, two);
        machine.Partition.Ports.Map(TestMachine.DevicePort + 2, 2, next);

        machine.Run(VcpuExitKind.Halt);

        Assert.Equal(Guest.Low(ulong.MaxValue, size), machine.Registers.Rax);
        Assert.Empty(two.Accesses);
        Assert.Empty(next.Accesses);
        Assert.Equal(1, machine.Vcpu.Statistics.UnhandledReads);
        Assert.Equal(1, machine.Vcpu.Statistics.UnhandledWrites);
    }

    [Fact]
    public void Window_RemovedByItsDevice_IsGoneForNextAccess()
    {
        // Reads the port three times, into AL, BL and CL.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.@in(al, dx);
            a.mov(bl, al);
            a.@in(al, dx);
            a.mov(cl, al);
            a.@in(al, dx);
            a.hlt();
        }));
        var device = new OneShotDevice();
        device.Window = machine.Partition.Ports.Map(TestMachine.DevicePort, 1, device);

        machine.Run(VcpuExitKind.Halt);

        Assert.Equal((0x42UL, 0xFFUL, 0xFFUL), (machine.Registers.Rbx, machine.Registers.Rcx, machine.Registers.Rax));
    }

    [Fact]
    public void Window_MappedAndUnmappedWhileRunning_GuestSeesDeviceOrOpenBus()
    {
        // Reads a device for ever: counts its answer in [buffer], ones in [buffer + 8], all else in [buffer + 16].
        GuestProgram program = PollingGuest.Create(0x4242_4242, 0xFFFF_FFFF);
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
        ArgumentException ramOverWindow = Assert.Throws<ArgumentException>(() => machine.Memory.Map(TestMachine.DeviceAddress, 0x2000));

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
