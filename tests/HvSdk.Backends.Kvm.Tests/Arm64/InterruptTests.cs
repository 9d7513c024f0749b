using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>Lines, private interrupts, inputs, messages and triggers, by the numbers that the kernel gets.</summary>
public sealed class InterruptTests
{
    private const uint Spi = 1 << 24;
    private const uint Ppi = 2 << 24;

    [Fact]
    public void Line_Set_NamesItsSharedInterrupt()
    {
        using FakeTest test = new(FakeTest.Full);
        InterruptLine line = test.Partition.Interrupts.GetLine(255);
        line.Set(true);
        line.Set(false);
        Assert.Equal([(Spi | 287U, 1U), (Spi | 287, 0)], test.Kvm.Machine.Lines);
        Assert.Contains("INIT", test.Kvm.Machine.Made);
    }

    [Theory]
    [InlineData(0, 0U)]
    [InlineData(5, 5U << 16)]
    [InlineData(258, (1U << 28) | (2U << 16))]
    public void PrivateInterrupt_Set_NamesItsVcpu(int index, uint expected)
    {
        using FakeTest test = new(static options =>
        {
            FakeTest.Full(options);
            options.Arm64.Gic = new() { RedistributorAddress = 0x1_0000_0000 };
            options.MaxVcpus = 300;
        });
        using Vcpu vcpu = test.Partition.CreateVcpu(index);
        vcpu.Arm64.SetPrivateInterrupt(22, true);
        Assert.Equal([(Ppi | expected | 22U, 1U)], test.Kvm.Machine.Lines);
    }

    [Fact]
    public void Input_Set_NamesIrqOrFiqOfItsVcpu()
    {
        using FakeTest test = new(static options => options.MaxVcpus = 2);
        using Vcpu vcpu = test.Partition.CreateVcpu(1);
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Fiq, true);
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, false);
        Assert.Equal([(1U << 16, 1U), ((1U << 16) | 1, 1), (1U << 16, 0)], test.Kvm.Machine.Lines);
    }

    [Fact]
    public void Message_OfTheFrame_IsAnEdgeOfItsLine()
    {
        using FakeTest test = new(FakeTest.Full);
        Assert.True(test.Partition.Interrupts.Send(FakeTest.Frame.GetMessage(79)));
        Assert.Equal([(Spi | 111U, 1U), (Spi | 111, 0)], test.Kvm.Machine.Lines);
    }

    [Theory]
    [InlineData(0x0802_0040UL, 95U)]
    [InlineData(0x0802_0040UL, 112U)]
    [InlineData(0x0802_0044UL, 96U)]
    [InlineData(0x1234UL, 96U)]
    [InlineData(0x0802_0040UL, uint.MaxValue)]
    public void Message_OfNoFrame_ReachesNobody(ulong address, uint data)
    {
        using FakeTest test = new(FakeTest.Full);
        Assert.False(test.Partition.Interrupts.Send(new MsiMessage(address, data)));
        Assert.Empty(test.Kvm.Machine.Lines);
    }

    /// <summary>The guest finds the frame's interrupts in MSI_TYPER, raises one, and tries what is none of it; nobody above hears of it.</summary>
    [Fact]
    public void Frame_GuestsAccesses_AreAnsweredWithoutAnExit()
    {
        using FakeTest test = new(FakeTest.Full);
        Queue<Func<FakeVcpu, int>> script = test.Kvm.Script;
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: false, 0x0802_0008, 4));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: false, 0x0802_0FCC, 4));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: false, 0x0802_0008, 8));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: true, 0x0802_0040, 4, 96));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: true, 0x0802_0040, 2, 97));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: true, 0x0802_0040, 8, 96));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: true, 0x0802_0040, 4, 32));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: true, 0x0802_FFFC, 4, 96));
        script.Enqueue(static vcpu => vcpu.Mmio(isWrite: true, 0x0803_0000, 4, 96));
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        VcpuExit exit = FakeTest.Next(vcpu);
        Assert.Equal((VcpuExitKind.MmioWrite, 0x0803_0000UL), (exit.Kind, exit.Address));
        Assert.Equal([(96UL << 16) | 16, 0x43BUL, 0UL], test.Vcpu().Answers);
        Assert.Equal([(Spi | 96U, 1U), (Spi | 96, 0), (Spi | 97, 1), (Spi | 97, 0)], test.Kvm.Machine.Lines);
    }

    [Fact]
    public void Triggers_OfLines_AreRegisteredAndSignalled()
    {
        using FakeTest test = new(FakeTest.Full);
        InterruptTrigger edge = test.Partition.Interrupts.CreateTrigger(test.Partition.Interrupts.GetLine(3));
        using InterruptTrigger level = test.Partition.Interrupts.CreateTrigger(test.Partition.Interrupts.GetLine(4), levelTriggered: true);
        List<kvm_irqfd> triggers = test.Kvm.Machine.Triggers;
        Assert.Equal([(3U, 0U), (4U, KVM.KVM_IRQFD_FLAG_RESAMPLE)], triggers.Select(static one => (one.gsi, one.flags)));
        edge.Signal();
        Assert.Equal(1UL, Read(triggers[0].fd));

        // The kernel sets the second event when the guest has ended the interrupt.
        Assert.False(level.WaitForAcknowledge(TimeSpan.Zero));
        using (SafeFileHandle resample = new((nint)triggers[1].resamplefd, ownsHandle: false))
        {
            RandomAccess.Write(resample, BitConverter.GetBytes(1UL), 0);
        }

        Assert.True(level.WaitForAcknowledge(TimeSpan.Zero));
        edge.Dispose();
        Assert.Equal([4U], triggers.Select(static one => one.gsi));
    }

    /// <summary>A message's trigger has a number of its own, which the table leads to the line; one of no frame leads nowhere.</summary>
    [Fact]
    public void Triggers_OfMessages_AreRoutedToTheirLine()
    {
        using FakeTest test = new(FakeTest.Full);
        using InterruptTrigger first = test.Partition.Interrupts.CreateTrigger(FakeTest.Frame.GetMessage(64));
        using InterruptTrigger second = test.Partition.Interrupts.CreateTrigger(new MsiMessage(0x1234, 1));
        FakeMachine machine = test.Kvm.Machine;
        Assert.Equal([256U, 257], machine.Triggers.Select(static one => one.gsi));
        Assert.Equal((256 + 1, 64U, 3U), (machine.Routes.Count, machine.Routes[256], machine.Routes[3]));
        second.Update(FakeTest.Frame.GetMessage(70));
        Assert.Equal(70U, machine.Routes[257]);
        first.Dispose();
        Assert.False(machine.Routes.ContainsKey(256));
    }

    [Fact]
    public void Routes_OtherThanTheLinesOwn_AreRefused()
    {
        using FakeTest test = new(FakeTest.Full);
        test.Partition.Interrupts.SetRoutes([InterruptRoute.ToInput(5, new InterruptInput(0, 5))]);
        Assert.Equal([5U], test.Kvm.Machine.Routes.Keys);
        foreach (InterruptRoute route in (InterruptRoute[])[InterruptRoute.ToInput(5, new InterruptInput(0, 6)), InterruptRoute.ToInput(5, new InterruptInput(1, 5)), InterruptRoute.ToMessage(5, FakeTest.Frame.GetMessage(64))])
        {
            NotSupportedException e = Assert.Throws<NotSupportedException>(() => test.Partition.Interrupts.SetRoutes([route]));
            Assert.Contains("Line 5 of KVM's GIC is shared peripheral interrupt 5", e.Message, StringComparison.Ordinal);
        }

        Assert.Equal([5U], test.Kvm.Machine.Routes.Keys);
    }

    [Fact]
    public void Doorbell_OfMemory_IsTheKernelsAndOfPortsIsNot()
    {
        using FakeTest test = new();
        using Doorbell doorbell = test.Partition.CreateDoorbell(DoorbellLocation.Mmio(0x900_0000, 4, 7));
        kvm_ioeventfd native = Assert.Single(test.Kvm.Machine.Doorbells);
        Assert.Equal((0x900_0000UL, 4U, 7UL, KVM.KVM_IOEVENTFD_FLAG_DATAMATCH), (native.addr, native.len, native.datamatch, native.flags));
    }

    private static ulong Read(uint descriptor)
    {
        using SafeFileHandle file = new((nint)descriptor, ownsHandle: false);
        byte[] bytes = new byte[8];
        Assert.Equal(8, RandomAccess.Read(file, bytes, 0));
        return BitConverter.ToUInt64(bytes);
    }
}
