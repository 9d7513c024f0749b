using System.Buffers.Binary;
using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Hvf.StandIn.Tests;

public sealed class CallTests(StandIn standIn)
{
    private const ulong PsciVersion = 0x8400_0000;
    private const ulong CpuOn = 0xC400_0003;
    private const ulong SystemOff = 0x8400_0008;

    /// <summary>Calls with a number and two arguments, by HVC and by SMC, and stores what comes back.</summary>
    [Fact]
    public void Hypercall_HvcAndSmc_CarryArgumentsAndResult()
    {
        using Machine machine = new(standIn, static guest =>
        {
            guest.Mov(0, 0xC300_0001);
            guest.Mov(1, 7);
            guest.Hvc(5);
            guest.Mov(3, Machine.Device);
            guest.Str(0, 3, 8);
            guest.Mov(0, 0xC300_0002);
            guest.Smc(6);
            guest.Str(0, 3, 8);
            guest.Mov(0, SystemOff);
            guest.Hvc();
        });
        using Vcpu vcpu = machine.CreateVcpu();
        VcpuExit call = vcpu.Run(TestContext.Current.CancellationToken);
        Assert.Equal((0xC300_0001UL, 7UL), (call.HypercallNumber, BinaryPrimitives.ReadUInt64LittleEndian(call.RawData)));
        call.SetValue(99);
        call = vcpu.Run(TestContext.Current.CancellationToken);
        Assert.Equal(0xC300_0002UL, call.HypercallNumber);
        call.SetValue(100);
        Assert.Equal(SystemEventKind.PowerOff, vcpu.Run(TestContext.Current.CancellationToken).SystemEvent);
        Assert.Equal(["W 8 at 0x0: 0000000000000063", "W 8 at 0x0: 0000000000000064"], machine.Log.Accesses);
    }

    /// <summary>Asks for the version, then for what nobody knows, where hypercalls do not leave.</summary>
    [Fact]
    public void Psci_Questions_AreAnsweredWithoutAnExit()
    {
        using Machine machine = new(
            standIn,
            static guest =>
            {
                guest.Mov(0, PsciVersion);
                guest.Hvc();
                guest.AddRegister(5, 0, Arm64Assembler.Zero);
                guest.Mov(0, 0xC300_0001);
                guest.Hvc();
                guest.AddRegister(6, 0, Arm64Assembler.Zero);
                guest.Mov(0, 0x8400_0009);
                guest.Smc();
            },
            static options => options.ExitOnHypercall = false);
        (string exit, Arm64Registers registers) = machine.Run();
        Assert.StartsWith("SystemEvent Reset", exit, StringComparison.Ordinal);
        Assert.Equal((0x1_0001UL, ulong.MaxValue), (registers[5], registers[6]));
    }

    /// <summary>vCPU 0 starts vCPU 1, which stores its argument and its affinity, and calls.</summary>
    [Fact]
    public void Psci_CpuOn_StartsTheRunThatWaited()
    {
        using Machine machine = new(
            standIn,
            static guest =>
            {
                guest.Mov(0, CpuOn);
                guest.Mov(1, 1);
                guest.Mov(2, Machine.Ram + 0x1000);
                guest.Mov(3, 0xABCD);
                guest.Hvc();
                guest.AddRegister(9, 0, Arm64Assembler.Zero);
                guest.Mov(0, 0xC300_0000);
                guest.Hvc();
                guest.PadTo(Machine.Ram + 0x1000);
                guest.Mov(1, Machine.Device);
                guest.Str(0, 1, 8);
                guest.Mrs(2, Arm64SystemRegister.MpidrEl1);
                guest.Str(2, 1, 4);
                guest.Mov(0, 0xC300_0001);
                guest.Hvc();
            },
            static options => options.MaxVcpus = 2);
        Task<string> second = machine.Partition.RunVcpuAsync(1, static (vcpu, token) => vcpu.Run(token).ToString(), TestContext.Current.CancellationToken);
        (string exit, Arm64Registers registers) = machine.Run();
        Assert.StartsWith("Hypercall number 0xC3000000", exit, StringComparison.Ordinal);
        Assert.Equal(0UL, registers[9]);
        Assert.StartsWith("Hypercall number 0xC3000001", Limit.Await(second, "the vCPU that was started"), StringComparison.Ordinal);
        Assert.Equal(["W 8 at 0x0: 000000000000ABCD", "W 4 at 0x0: 80000001"], machine.Log.Accesses);
    }

    [Fact]
    public void PowerState_OffVcpu_WaitsUntilItIsCancelled()
    {
        using Machine machine = new(standIn, static guest => guest.Wfi(), static options => options.MaxVcpus = 2);
        var created = new TaskCompletionSource<Vcpu>();
        Task<string> second = machine.Partition.RunVcpuAsync(
            1,
            (vcpu, token) =>
            {
                Assert.Equal(Arm64PowerState.Off, vcpu.Arm64.PowerState);
                created.SetResult(vcpu);
                return vcpu.Run(token).ToString();
            },
            TestContext.Current.CancellationToken);
        Limit.Await(created.Task, "the vCPU").Cancel();
        Assert.Equal("Canceled", Limit.Await(second, "the run that was cancelled"));
    }
}
