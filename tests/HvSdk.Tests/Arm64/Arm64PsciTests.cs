using HvSdk.Backends;

namespace HvSdk.Tests.Arm64;

/// <summary>Function identifiers and results are those of Arm DEN 0022.</summary>
public sealed class Arm64PsciTests
{
    private const uint CpuOn64 = 0xC400_0003;
    private const uint CpuOff = 0x8400_0002;
    private const uint AffinityInfo64 = 0xC400_0004;

    [Theory]
    [InlineData(0x8400_0000, 0, 0x1_0001)] // PSCI_VERSION
    [InlineData(0x8000_0000, 0, 0x1_0001)] // SMCCC_VERSION
    [InlineData(0x8000_0001, 0x8000_0000, 0)] // SMCCC_ARCH_FEATURES of itself
    [InlineData(0x8000_0001, 0x8000_8000, -1)] // of a workaround
    [InlineData(0x8400_000A, 0xC400_0003, 0)] // PSCI_FEATURES of CPU_ON
    [InlineData(0x8400_000A, 0x8000_0000, 0)] // of SMCCC_VERSION
    [InlineData(0x8400_000A, 0x8400_000E, -1)] // of SYSTEM_SUSPEND
    [InlineData(0x8400_0006, 0, 2)] // MIGRATE_INFO_TYPE
    [InlineData(0x8400_0005, 0, -1)] // MIGRATE
    [InlineData(0x8400_001F, 0, -1)]
    [InlineData(0xC400_001F, 0, -1)]
    public void Call_Question_IsAnswered(uint function, ulong argument, long expected)
    {
        var psci = new Arm64Psci(2);
        Assert.Equal(Arm64PsciOutcome.Continue, psci.Call(0, function, argument, 0, 0, out long result));
        Assert.Equal(expected, result);
    }

    [Theory]
    [InlineData(0x0000_0000)]
    [InlineData(0x8400_0020)]
    [InlineData(0xC600_0000)]
    [InlineData(0x8600_FF01)]
    [InlineData(0xFFFF_FFFF)]
    public void Call_OfSomebodyElse_IsLeftToThem(uint function)
    {
        Assert.Equal(Arm64PsciOutcome.NotPsci, new Arm64Psci(1).Call(0, function, 0, 0, 0, out long result));
        Assert.Equal(-1, result);
    }

    [Theory]
    [InlineData(0x8400_0008, Arm64PsciOutcome.SystemOff)]
    [InlineData(0x8400_0009, Arm64PsciOutcome.SystemReset)]
    [InlineData(0x8400_0012, Arm64PsciOutcome.SystemReset)]
    [InlineData(0xC400_0012, Arm64PsciOutcome.SystemReset)]
    [InlineData(0x8400_0001, Arm64PsciOutcome.WaitForInterrupt)]
    [InlineData(0xC400_0001, Arm64PsciOutcome.WaitForInterrupt)]
    public void Call_ThatEndsOrWaits_SaysSo(uint function, Arm64PsciOutcome expected) =>
        Assert.Equal(expected, new Arm64Psci(1).Call(0, function, 0, 0, 0, out _));

    [Fact]
    public void CpuOn_OffStartingOn_GivesWhereItBeginsOnceAndRefusesAfter()
    {
        var psci = new Arm64Psci(18);
        Assert.Equal(1, Call(psci, AffinityInfo64, 0x101));
        Assert.Equal(0, Call(psci, CpuOn64, 0x101, 0x4000_0000_1000, 0xABCD_0000_0001));
        Assert.Equal(2, Call(psci, AffinityInfo64, 0x101));
        Assert.Equal(-5, Call(psci, CpuOn64, 0x101, 1, 2));
        Assert.Equal(new Arm64PendingStart(0x4000_0000_1000, 0xABCD_0000_0001), psci[17].PendingStart);
        Assert.True(psci[17].WaitUntilOn(out Arm64PendingStart? start));
        Assert.Equal(new Arm64PendingStart(0x4000_0000_1000, 0xABCD_0000_0001), start);
        Assert.Equal(0, Call(psci, AffinityInfo64, 0x101));
        Assert.Equal(-4, Call(psci, CpuOn64, 0x101, 1, 2));
        Assert.True(psci[17].WaitUntilOn(out start));
        Assert.Null(start);
        Assert.Equal(Arm64PsciOutcome.PowerOff, psci.Call(17, CpuOff, 0, 0, 0, out _));
        Assert.Equal(1, Call(psci, AffinityInfo64, 0x101));
    }

    [Fact]
    public void CpuOn_32BitForm_IgnoresUpperHalves()
    {
        var psci = new Arm64Psci(2);
        Assert.Equal(0, Call(psci, 0x8400_0003, 0xFFFF_FFFF_0000_0001, 0xFFFF_FFFF_0000_1000, 0xFFFF_FFFF_0000_0007));
        Assert.Equal(new Arm64PendingStart(0x1000, 7), psci[1].PendingStart);
    }

    [Theory]
    [InlineData(2)] // beyond the partition's
    [InlineData(0x10)] // Aff0 has 4 bits here
    [InlineData(0x100)]
    [InlineData(0x8000_0000)]
    [InlineData(0x1_0000_0000)]
    [InlineData(ulong.MaxValue)]
    public void CpuOn_AffinityOfNobody_IsInvalid(ulong affinity)
    {
        var psci = new Arm64Psci(2);
        Assert.Equal(-2, Call(psci, CpuOn64, affinity, 0x1000, 0));
        Assert.Equal(-2, Call(psci, AffinityInfo64, affinity));
        Assert.Equal(-4, Call(psci, CpuOn64, 0, 0x1000, 0));
    }

    [Fact]
    public void AffinityInfo_HigherLevel_IsInvalid() => Assert.Equal(-2, Call(new Arm64Psci(1), AffinityInfo64, 0, 1));

    [Fact]
    public void Affinity_EachIndex_IsFoundAgain()
    {
        Assert.Equal([0UL, 0xFUL, 0x100UL, 0x10FUL, 0xFF0FUL, 0x1_0000UL], new[] { 0, 15, 16, 31, 4095, 4096 }.Select(Arm64Vcpu.GetAffinity));
        var psci = new Arm64Psci(5000);
        Assert.All(Enumerable.Range(1, 4999), index => Assert.Equal(0, Call(psci, CpuOn64, Arm64Vcpu.GetAffinity(index), 0, (ulong)index)));
        Assert.All(Enumerable.Range(1, 4999), index => Assert.Equal((ulong)index, psci[index].PendingStart!.Value.ContextId));
    }

    [Fact]
    public async Task WaitUntilOn_OffThenStarted_EndsTheWait()
    {
        var psci = new Arm64Psci(2);
        bool isOn = false;
        Arm64PendingStart? start = null;
        Task waiter = Limits.OnThread(() => isOn = psci[1].WaitUntilOn(out start));
        Assert.Equal(0, Call(psci, CpuOn64, 1, 0x2000, 3));
        await waiter.Within("the vCPU that was turned on");
        Assert.True(isOn);
        Assert.Equal(new Arm64PendingStart(0x2000, 3), start);
    }

    [Fact]
    public async Task Wake_BeforeOrDuringTheWait_EndsItOnce()
    {
        Arm64PowerSwitch power = new Arm64Psci(2)[1];
        power.Wake();
        Assert.False(power.WaitUntilOn(out _));
        Task waiter = Limits.OnThread(() => Assert.False(power.WaitUntilOn(out _)));
        power.Wake();
        await waiter.Within("the vCPU that was woken");
    }

    private static long Call(Arm64Psci psci, uint function, ulong argument1, ulong argument2 = 0, ulong argument3 = 0)
    {
        Assert.Equal(Arm64PsciOutcome.Continue, psci.Call(0, function, argument1, argument2, argument3, out long result));
        return result;
    }
}
