using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Interrupts put on their way vCPU by vCPU, where the host keeps no interrupt controller; and NMIs.</summary>
[X64Only("Vectors and NMIs are x86's; Arm64InputTests has IRQ and FIQ.")]
public sealed class InjectionTests
{
    private const byte Vector = 0x40;
    private const byte NmiVector = 2;

    [Fact]
    public void InjectInterrupt_GuestCanTakeIt_InterruptsOnce()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.None, [Vector]);
        machine.RunToLoop();
        machine.RunToLoop();
        Assert.True(machine.X64.CanTakeInterrupt);

        machine.X64.InjectInterrupt(Vector);
        Assert.False(machine.X64.CanTakeInterrupt, "One is on its way.");

        Assert.Equal(Vector, machine.NextVector());
        Assert.False(machine.X64.CanTakeInterrupt, "A handler runs with interrupts off.");
        machine.AssertNoInterrupt();
        Assert.True(machine.X64.CanTakeInterrupt);
    }

    [Fact]
    public void InjectInterrupt_HostKeepsTheLocalApicAlone_InterruptsOnce()
    {
        // The caller's own 8259A pair: the local APIC takes its interrupts at LINT0, as after reset.
        using var machine = new InterruptMachine(InterruptControllerMode.PerVcpu, [Vector], static _ => { }, static _ => { });
        machine.RunToLoop();
        machine.RunToLoop();
        Assert.True(machine.X64.CanTakeInterrupt);

        machine.X64.InjectInterrupt(Vector);

        Assert.Equal(Vector, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void InjectInterrupt_InterruptsOff_IsRefusedInWords()
    {
        using TestMachine machine = CreateWithInterruptsOff();
        machine.RunOnce(VcpuExitKind.PortRead);
        Assert.False(machine.Vcpu.X64.CanTakeInterrupt);

        var exception = Assert.Throws<InvalidOperationException>(() => machine.Vcpu.X64.InjectInterrupt(Vector));

        Assert.Contains($"{Vector}", exception.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(X64Vcpu.RequestInterruptWindow), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void InterruptWindow_InterruptsTurnedOn_Leaves() => Divergences.Check("interrupt-window-at-cpl0", static () =>
    {
        using TestMachine machine = CreateWithInterruptsOff();
        machine.RunOnce(VcpuExitKind.PortRead);
        machine.Vcpu.X64.RequestInterruptWindow();

        machine.RunOnce(VcpuExitKind.InterruptWindow);
        Assert.True(machine.Vcpu.X64.CanTakeInterrupt);
        machine.Vcpu.X64.InjectInterrupt(Vector);

        Assert.Equal(Vector, machine.RunOnce(VcpuExitKind.PortWrite).Value);
        Assert.Equal(0x81, machine.RunOnce(VcpuExitKind.PortRead).Port);
    });

    [Fact]
    public void InterruptWindow_TakenBack_DoesNotLeave()
    {
        using TestMachine machine = CreateWithInterruptsOff();
        machine.RunOnce(VcpuExitKind.PortRead);
        machine.Vcpu.X64.RequestInterruptWindow();
        machine.Vcpu.X64.RequestInterruptWindow(false);

        Assert.Equal(0x81, machine.RunOnce(VcpuExitKind.PortRead).Port);
    }

    [Fact]
    public void InjectInterrupt_HaltedGuest_WakesIt()
    {
        // Halts with interrupts on; the handler tells that it ran.
        using var machine = new TestMachine(GuestProgram.RealMode((a, marks) =>
        {
            a.sti();
            a.hlt();
            a.@in(al, 0x81);

            marks.Handler(Vector);
            a.WritePort(0x80, Vector);
            a.iret();
        }));
        machine.RunOnce(VcpuExitKind.Halt);
        Assert.True(machine.Vcpu.X64.CanTakeInterrupt);

        machine.Vcpu.X64.InjectInterrupt(Vector);

        Assert.Equal(Vector, machine.RunOnce(VcpuExitKind.PortWrite).Value);
        Assert.Equal(0x81, machine.RunOnce(VcpuExitKind.PortRead).Port);
    }

    [Theory]
    [InlineData(InterruptControllerMode.None)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    [InlineData(InterruptControllerMode.Full)]
    public void InjectNmi_InEveryMode_InterruptsOnce(InterruptControllerMode mode)
    {
        using var machine = new InterruptMachine(mode, [NmiVector], endInterrupt: static _ => { });
        machine.RunToLoop();

        for (int i = 0; i < 2; i++)
        {
            machine.X64.InjectNmi();
            Assert.Equal(NmiVector, machine.NextVector());
            machine.AssertNoInterrupt();
        }
    }

    [Fact]
    public void InjectNmi_WithinNmi_WaitsForItsEnd()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.None, [NmiVector]);
        machine.RunToLoop();
        machine.X64.InjectNmi();
        Assert.Equal(NmiVector, machine.NextVector());

        machine.X64.InjectNmi();

        Assert.Equal(NmiVector, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Fact]
    public void TaskPriority_LoweredByGuest_Leaves() => Divergences.Check("task-priority-exit", static () =>
    {
        // Raises the task priority, which nobody needs to hear of, and lowers it.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(eax, 5);
            a.mov(cr8, rax);
            a.@in(al, 0x80);
            a.mov(eax, 2);
            a.mov(cr8, rax);
            a.@in(al, 0x81);
        }));
        machine.RunOnce(VcpuExitKind.PortRead);
        Assert.Equal(5UL, machine.Vcpu.X64.GetSpecialRegisters().Cr8);

        VcpuExit exit = machine.RunOnce(VcpuExitKind.TaskPriority);
        Assert.Equal(2, exit.Priority);
        Assert.Equal(2UL, machine.Vcpu.X64.GetSpecialRegisters().Cr8);
        machine.RunOnce(VcpuExitKind.PortRead);
    });

    [Fact]
    public void TaskPriority_SetByHost_IsSeenByGuest()
    {
        // Reads the task priority.
        using var machine = new TestMachine(GuestProgram.LongMode(static a =>
        {
            a.mov(rax, cr8);
            a.hlt();
        }));
        machine.Vcpu.X64.SetSpecialRegisters(machine.Vcpu.X64.GetSpecialRegisters() with { Cr8 = 9 });

        machine.RunOnce(VcpuExitKind.Halt);

        Assert.Equal(9UL, machine.Registers.Rax);
    }

    [Fact]
    public void InjectInterrupt_HostKeepsTheWholeController_IsRefusedInWords()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.Full, []);

        var inject = Assert.Throws<InvalidOperationException>(() => machine.X64.InjectInterrupt(Vector));
        var request = Assert.Throws<InvalidOperationException>(() => machine.X64.RequestInterruptWindow());

        Assert.Contains(nameof(Partition.Interrupts), inject.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(Partition.Interrupts), request.Message, StringComparison.Ordinal);
    }

    /// <summary>Reads port 0x80 with interrupts off, turns them on, and reads port 0x81 a few instructions later.</summary>
    private static TestMachine CreateWithInterruptsOff() => new(GuestProgram.RealMode(static (a, marks) =>
    {
        a.@in(al, 0x80);
        a.sti();
        a.nop();
        a.nop();
        a.@in(al, 0x81);

        marks.Handler(Vector);
        a.WritePort(0x80, Vector);
        a.iret();
    }));
}
