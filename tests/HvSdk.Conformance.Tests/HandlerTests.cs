using HvSdk.Live;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>What a handler may do with exits.</summary>
public sealed class HandlerTests
{
    // Reads the device's register, adds 1, writes it back, and stops.
    private static readonly TestProgram s_increment = Guest.Program(static g =>
    {
        g.In(1);
        g.Add(GuestRegister.Value, 1);
        g.Out(1);
        g.End();
    });

    [Fact]
    public void NotHandled_AccessesAndOthers_GoToBusAndEndTheRun()
    {
        using var machine = new TestMachine(s_increment);
        var device = new QueueDevice(0x10);
        machine.Partition.DeviceBus().Map(Guest.DevicePlace, 1, device);
        var handler = new ScriptedHandler(static (in exit) => ExitDisposition.NotHandled);

        machine.Run(ref handler, Guest.EndExit);

        Assert.Equal([Guest.ReadExit, Guest.WriteExit, Guest.EndExit], handler.Seen);
        Assert.Equal([0x11UL], device.Writes);
    }

    [Fact]
    public void Handled_Access_NeverReachesBus()
    {
        using var machine = new TestMachine(s_increment);
        var device = new RecordingDevice(1);
        machine.Partition.DeviceBus().Map(Guest.DevicePlace, 1, device);
        ulong written = 0;
        var handler = new ScriptedHandler((in exit) =>
        {
            if (!exit.IsAccess || exit.IsEnd())
            {
                return ExitDisposition.NotHandled;
            }

            if (exit.IsWrite)
            {
                written = exit.Value;
            }
            else
            {
                exit.SetValue(0x20);
            }

            return ExitDisposition.Handled;
        });

        machine.Run(ref handler, Guest.EndExit);

        Assert.Equal(0x21UL, written);
        Assert.Empty(device.Accesses);
    }

    [Fact]
    public void Handled_ReadWithoutAnswer_GivesOnes()
    {
        using var machine = new TestMachine(s_increment);
        var handler = new ScriptedHandler(static (in exit) => exit.IsAccess && !exit.IsEnd() ? ExitDisposition.Handled : ExitDisposition.Stop);

        machine.Run(ref handler, Guest.EndExit);

        Assert.Equal(0UL, Guest.Low(machine.Read(GuestRegister.Value), 1));
    }

    [Fact]
    public void Stop_AtAccess_ReturnsItAndCompletesIt()
    {
        using var machine = new TestMachine(s_increment);
        var device = new RecordingDevice(1);
        machine.Partition.DeviceBus().Map(Guest.DevicePlace, 1, device);
        var handler = new ScriptedHandler(static (in exit) =>
        {
            exit.SetValue(0x30);
            return ExitDisposition.Stop;
        });

        VcpuExit exit = machine.Run(ref handler, Guest.ReadExit);
        Assert.Equal(Guest.DevicePlace, exit.Place());
        machine.RunToEnd();

        Assert.Equal([new DeviceAccess(true, 0, 1)], device.Accesses);
        Assert.Equal([0x31], device.Bytes);
    }

    [Fact]
    public void Handled_Halt_RunsOn()
    {
        // Ends twice.
        using var machine = new TestMachine(Guest.Program(static g =>
        {
            g.End();
            g.Set(GuestRegister.First, 1);
            g.End();
        }));
        int halts = 0;
        var handler = new ScriptedHandler((in exit) => ++halts == 1 ? ExitDisposition.Handled : ExitDisposition.Stop);

        machine.Run(ref handler, Guest.EndExit);

        Assert.Equal(1UL, machine.Read(GuestRegister.First));
    }

    [Theory]
    [InlineData(false, 0x00, 0)]
    [InlineData(true, 0x43, 1)]
    public void Throw_AtAccess_ReachesCallerAndCompletesIt(bool atWrite, ulong expectedValue, int expectedWrites)
    {
        using var machine = new TestMachine(s_increment);
        var device = new QueueDevice(0x42);
        machine.Partition.DeviceBus().Map(Guest.DevicePlace, 1, device);
        var thrower = new ScriptedHandler((in exit) => exit.IsAccess && exit.IsWrite == atWrite ? throw new InvalidTimeZoneException("from the handler") : ExitDisposition.NotHandled);

        InvalidTimeZoneException exception = Assert.Throws<InvalidTimeZoneException>(() => machine.Run(ref thrower));

        Assert.Equal("from the handler", exception.Message);
        machine.RunToEnd();
        Assert.Equal(expectedValue, Guest.Low(machine.Read(GuestRegister.Value), 1));
        Assert.Equal(1 - expectedWrites, device.Writes.Count);
    }

    [Fact]
    public void Throw_FromDevice_ReachesCallerAndCompletesAccess()
    {
        using var machine = new TestMachine(s_increment);
        using (machine.Partition.DeviceBus().Map(Guest.DevicePlace, 1, new ThrowingDevice()))
        {
            Assert.Throws<InvalidTimeZoneException>(() => { machine.Run(); });
        }

        machine.RunToEnd();

        // The read gave ones, which the guest has incremented.
        Assert.Equal(0UL, Guest.Low(machine.Read(GuestRegister.Value), 1));
    }

    [Fact]
    public void Dispose_OfPartition_EndsRunAndVcpu()
    {
        using var machine = new TestMachine(s_increment);
        Partition partition = machine.Partition;
        var handler = new ScriptedHandler((in exit) =>
        {
            partition.Dispose();
            return ExitDisposition.Handled;
        });

        Assert.Equal(VcpuExitKind.Canceled, machine.Run(ref handler).Kind);

        Assert.Equal([Guest.ReadExit], handler.Seen);
        Assert.Throws<ObjectDisposedException>(() => { machine.Vcpu.RunOnce(); });
        Assert.Throws<ObjectDisposedException>(() => { machine.Vcpu.ReadRegisters(); });
    }

    [Fact]
    public void Run_FromHandler_IsRefused()
    {
        using var machine = new TestMachine(s_increment);
        Vcpu vcpu = machine.Vcpu;
        var handler = new ScriptedHandler((in exit) =>
        {
            vcpu.RunOnce();
            return ExitDisposition.Handled;
        });

        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => machine.Run(ref handler));

        Assert.Contains("is running", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Registers_ReadAndWrittenAtWrites_ReachGuest(int level)
    {
        // Writes the device's register and an address without memory, and then what the handler has made of the first register.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, TestMachine.DeviceAddress);
                g.Set(GuestRegister.First, 0x100);
                g.Out(1);
                g.Add(GuestRegister.First, 1);
                g.Store(4, register: GuestRegister.First);
                g.Add(GuestRegister.First, 1);
                g.Done();
            },
            level));
        var handler = AddToFirst(machine.Vcpu, 0);

        machine.Run(ref handler, Guest.WriteExit);

        Assert.Equal(0x122UL, machine.Read(GuestRegister.First));
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    [X64Only("An exchange with a device and string instructions are x86's; Arm64AccessTests has AArch64's own.")]
    public void Registers_ReadAndWrittenAtReads_ReachGuestWithTheAnswer(int level)
    {
        // Reads port and device, the last time across a page; exchanges with the device; reads a string of three bytes.
        using var machine = new TestMachine(Guest.Long(level, a =>
        {
            a.mov(edx, TestMachine.DevicePort);
            a.mov(esi, (uint)TestMachine.DeviceAddress);
            a.mov(edi, (uint)Guest.Buffer);
            a.mov(ebx, 0x100);
            a.@in(eax, dx);
            a.mov(r8d, __[rsi]);
            a.mov(r9, __[rsi + 0xFFC]);
            a.mov(r10d, 0x5555);
            a.xchg(__dword_ptr[rsi], r10d);
            a.mov(ecx, 3);
            a.rep.insb();
            a.Done();
        }));
        var handler = AddToFirst(machine.Vcpu, 0x1234);

        machine.Run(ref handler, VcpuExitKind.PortWrite);

        // How many exits there are is the host's choice, for the page-crossing read and the string.
        X64Registers registers = machine.Registers;
        Assert.Equal(0x100UL + (0x10 * (ulong)(handler.Seen.Count - 1)), registers.Rbx);
        Assert.Equal((0x1234UL, 0x1234UL, 0x1234UL), (registers.Rax, registers.R8, registers.R10));
        Assert.Equal(0x0000_1234_0000_1234UL, registers.R9);
        Assert.Equal((0UL, Guest.Buffer + 3), (registers.Rcx, registers.Rdi));
        Assert.Equal(VcpuExitKind.MmioWrite, handler.Seen.Single(static kind => kind == VcpuExitKind.MmioWrite));
    }

    [Fact]
    public void Registers_WrittenAtReadBeforeItIsCanceled_AreThere()
    {
        using var machine = new TestMachine(s_increment);
        machine.RunOnce(Guest.ReadExit).SetValue(0x40);
        machine.Write(GuestRegister.First, 0x77);
        Assert.Equal(0x77UL, machine.Read(GuestRegister.First));

        machine.Vcpu.Cancel();
        machine.RunOnce(VcpuExitKind.Canceled);

        Assert.Equal((0x40UL, 0x77UL), (machine.Read(GuestRegister.Value), machine.Read(GuestRegister.First)));
        Assert.Equal(0x41UL, machine.RunOnce(Guest.WriteExit).Value);
    }

    [Theory]
    [MemberData(nameof(Guest.Levels), MemberType = typeof(Guest))]
    public void Registers_OfAnotherProgramSetAtRead_AreNotTouchedByTheAnswer(int level)
    {
        // Reads a device.
        using var machine = new TestMachine(Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, TestMachine.DeviceAddress);
                g.Load(8);
                g.End();
            },
            level));
        machine.RunOnce(VcpuExitKind.MmioRead).SetValue(0x1234);

        // Says that it is done.
        TestProgram other = Guest.Program(static g => g.Done());
        other.LoadInto(machine.Memory);
        other.Start(machine.Vcpu);
        machine.RunOnceToDone();

        Assert.Equal((0UL, 0UL), (machine.Read(GuestRegister.Value), machine.Read(GuestRegister.Address)));
    }

    /// <summary>Adds 0x10 to the first register at each access and answers reads; stops at the end.</summary>
    private static ScriptedHandler AddToFirst(Vcpu vcpu, ulong answer) => new((in exit) =>
    {
        if (exit.IsDone())
        {
            return ExitDisposition.Stop;
        }

        vcpu.Write(GuestRegister.First, vcpu.Read(GuestRegister.First) + 0x10);
        if (!exit.IsWrite)
        {
            // A string has several elements, which one number cannot answer.
            exit.Data.Clear();
            BitConverter.GetBytes(answer).AsSpan(0, int.Min(exit.Data.Length, sizeof(ulong))).CopyTo(exit.Data);
        }

        return ExitDisposition.Handled;
    });

    private delegate ExitDisposition Script(in VcpuExit exit);

    private readonly struct ScriptedHandler(Script script) : IVcpuHandler
    {
        public List<VcpuExitKind> Seen { get; } = [];

        public ExitDisposition Handle(in VcpuExit exit)
        {
            Seen.Add(exit.Kind);
            ExitDisposition disposition = script(exit);
            return disposition == ExitDisposition.NotHandled && exit.IsEnd() ? ExitDisposition.Stop : disposition;
        }
    }

    private sealed class ThrowingDevice : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data) => throw new InvalidTimeZoneException("from the device");

        public void Write(ulong offset, ReadOnlySpan<byte> data) => throw new InvalidTimeZoneException("from the device");
    }
}
