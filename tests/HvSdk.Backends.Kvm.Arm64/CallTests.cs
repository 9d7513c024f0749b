using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Backends.Kvm.Arm64;

public sealed class CallTests
{
    private const ulong CpuOn = 0xC400_0003;

    /// <summary>PSCI_VERSION and a call of nobody, then SYSTEM_RESET.</summary>
    [Fact]
    public void Psci_Questions_AreAnsweredWithoutAnExit()
    {
        using Machine machine = new(static guest =>
        {
            guest.Mov(0, 0x8400_0000);
            guest.Hvc();
            guest.AddRegister(5, 0, Arm64Assembler.Zero);
            guest.Mov(0, 0xC300_0001);
            guest.Hvc();
            guest.AddRegister(6, 0, Arm64Assembler.Zero);
            guest.Mov(0, 0x8400_0009);
            guest.Hvc();
        });
        (string exit, Arm64Registers registers) = machine.Run();
        Assert.StartsWith("SystemEvent Reset", exit, StringComparison.Ordinal);
        Assert.True(registers[5] is >= 0x1_0000 and < 0x2_0000, $"PSCI_VERSION said 0x{registers[5]:X}.");
        Assert.Equal(ulong.MaxValue, registers[6]);
    }

    /// <summary>vCPU 0 starts vCPU 1, which stores its argument and its affinity, and goes off.</summary>
    [Fact]
    public void Psci_CpuOn_StartsTheRunThatWaited()
    {
        using Machine machine = new(
            static guest =>
            {
                guest.Mov(0, CpuOn);
                guest.Mov(1, 1);
                guest.Mov(2, Machine.Ram + 0x1000);
                guest.Mov(3, 0xABCD);
                guest.Hvc();
                Machine.Tell(guest, 0);
                guest.PadTo(Machine.Ram + 0x1000);
                guest.Mov(1, Machine.Device);
                guest.Str(0, 1, 8);
                guest.Mrs(2, Arm64SystemRegister.MpidrEl1);
                guest.Str(2, 1, 4);
                Machine.PowerOff(guest);
            },
            static options => options.MaxVcpus = 2);
        var created = new TaskCompletionSource();
        var told = new TaskCompletionSource();
        Task<string> second = machine.Partition.RunVcpuAsync(
            1,
            (vcpu, token) =>
            {
                using CancellationTokenRegistration end = token.Register(vcpu.Cancel);
                created.SetResult();
                ulong argument = vcpu.RunOnce().Value;
                ulong affinity = vcpu.RunOnce().Value;

                // The end of the machine stops every vCPU at once, also the first before it has said what its call came to.
                Limit.Await(told.Task, "what the call came to");
                return $"0x{argument:X} 0x{affinity:X} {vcpu.RunOnce().ToString()}";
            },
            TestContext.Current.CancellationToken);
        Limit.Await(created.Task, "the vCPU to exist");
        using Vcpu first = machine.CreateVcpu();
        Assert.Equal(0UL, first.NextValue());
        told.SetResult();
        Assert.StartsWith("0xABCD 0x80000001 SystemEvent PowerOff", Limit.Await(second, "the vCPU that was started"), StringComparison.Ordinal);
    }

    [Fact]
    public void PowerState_OffVcpu_WaitsUntilItIsCancelled()
    {
        using Machine machine = new(static guest => guest.Wfi(), static options => options.MaxVcpus = 2);
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

    /// <summary>Linux has the filter of calls since 6.4; before it calls of nobody are answered by the kernel, and asking for them is refused.</summary>
    [Fact]
    public void Hypercall_WhereTheKernelLetsThemGo_CarriesArgumentsAndResult()
    {
        if (!LiveHypervisor.Capabilities.Supports(HypervisorFeatures.HypercallExits))
        {
            NotSupportedException e = Assert.Throws<NotSupportedException>(static () => new Machine(static _ => { }, static options => options.ExitOnHypercall = true));
            Assert.Contains(nameof(HypervisorFeatures.HypercallExits), e.Message, StringComparison.Ordinal);
            return;
        }

        using Machine machine = new(
            static guest =>
            {
                guest.Mov(0, 0xC300_0001);
                guest.Mov(1, 0x11);
                guest.Hvc();
                Machine.Tell(guest, 0);
            },
            static options => options.ExitOnHypercall = true);
        using Vcpu vcpu = machine.CreateVcpu();
        VcpuExit call = vcpu.RunOnce();
        Assert.Equal((VcpuExitKind.Hypercall, 0xC300_0001UL), (call.Kind, call.HypercallNumber));
        call.SetValue(0x99);
        Assert.Equal(0x99UL, vcpu.NextValue());
    }
}
