using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>The interrupt inputs of an AArch64 vCPU, where the caller keeps the interrupt controller.</summary>
[Arm64Only]
public sealed class Arm64InputTests
{
    private const ulong Irq = 1;
    private const ulong Fiq = 2;

    [Theory]
    [InlineData(Arm64InterruptInput.Irq, Irq)]
    [InlineData(Arm64InterruptInput.Fiq, Fiq)]
    public void Input_Asserted_InterruptsUntilItIsReleased(Arm64InterruptInput input, ulong told)
    {
        using TestMachine machine = Create(static a => a.UnmaskInterrupts());
        machine.RunOnce(VcpuExitKind.MmioRead);

        machine.Vcpu.Arm64.SetInterruptInput(input, true);
        Assert.Equal(told, machine.NextTold());
        Assert.Equal(told, machine.NextTold());

        machine.Vcpu.Arm64.SetInterruptInput(input, false);
        AssertNoInterrupt(machine);
    }

    [Fact]
    public void Input_MaskedByTheGuest_WaitsForIt()
    {
        // Asks once with interrupts masked, then lets them in.
        using TestMachine machine = Create(static a =>
        {
            a.Ask();
            a.UnmaskInterrupts();
        });
        machine.RunOnce(VcpuExitKind.MmioRead);

        machine.Vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);

        Assert.Equal(Irq, machine.NextTold());
    }

    [Fact]
    public void Inputs_BothAsserted_BothInterrupt()
    {
        using TestMachine machine = Create(static a => a.UnmaskInterrupts());
        machine.RunOnce(VcpuExitKind.MmioRead);

        machine.Vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
        machine.Vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Fiq, true);
        ulong first = machine.NextTold();
        machine.Vcpu.Arm64.SetInterruptInput(first == Irq ? Arm64InterruptInput.Irq : Arm64InterruptInput.Fiq, false);

        Assert.Equal(Irq + Fiq - first, machine.NextTold());
    }

    [Fact]
    public void Inputs_OfTheHostsController_AreRefusedInWords()
    {
        using var host = new TestMachine(configure: GuestMessages.ConfigureFull);

        var input = Assert.Throws<InvalidOperationException>(() => host.Vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true));

        Assert.Contains(nameof(Arm64Vcpu.SetPrivateInterrupt), input.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PrivateInterrupt_WithoutTheHostsController_IsRefusedInWords()
    {
        using var machine = new TestMachine();

        var refusal = Assert.Throws<InvalidOperationException>(() => machine.Vcpu.Arm64.SetPrivateInterrupt(20, true));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Vcpu.Arm64.SetPrivateInterrupt(32, true));

        Assert.Contains(nameof(Arm64Vcpu.SetInterruptInput), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Undefined_InjectedByTheCaller_EntersTheGuestsVector()
    {
        using TestMachine machine = Create(static a => a.Nop());
        machine.RunOnce(VcpuExitKind.MmioRead);
        ulong pc = machine.ProgramCounter();

        machine.Vcpu.Arm64.InjectUndefined();

        Assert.Equal(Arm64Program.FaultPlace, machine.RunOnce(VcpuExitKind.MmioWrite).Address);
        Assert.Equal(
            (Arm64Guest.UndefinedSyndrome, pc),
            (machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.EsrEl1), machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.ElrEl1)));
    }

    /// <summary>Sets up, and asks for ever; the vectors tell which of them it was.</summary>
    private static TestMachine Create(Action<Arm64Assembler> setUp) => Arm64Guest.Create(
        a =>
        {
            setUp(a);
            a.AskForEver();
        },
        configure: null,
        (Arm64Vector.Irq, static a => TellAndReturn(a, Irq)),
        (Arm64Vector.Fiq, static a => TellAndReturn(a, Fiq)));

    private static void TellAndReturn(Arm64Assembler a, ulong value)
    {
        a.Mov(15, value);
        a.Tell(15);
        a.Eret();
    }

    private static void AssertNoInterrupt(TestMachine machine)
    {
        for (int i = 0; i < 5; i++)
        {
            machine.RunOnce(VcpuExitKind.MmioRead);
        }
    }
}
