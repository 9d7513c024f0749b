using HvSdk.Testing;

namespace HvSdk.Tests.X64;

public sealed class X64RegisterTests
{
    private static readonly X64Register[] s_all = Enum.GetValues<X64Register>();

    [Fact]
    public void Batch_AllNames_RoundTripEachToItsOwnPlace()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        ulong[] values = [.. s_all.Select(static name => 0x1000UL + (ulong)name)];
        vcpu.X64.SetRegisters(s_all, values);
        ulong[] read = new ulong[values.Length];
        vcpu.X64.GetRegisters(s_all, read);
        Assert.Equal(values, read);
        X64Registers general = vcpu.X64.GetRegisters();
        X64SpecialRegisters special = vcpu.X64.GetSpecialRegisters();
        foreach (X64Register name in s_all)
        {
            Assert.Equal(0x1000UL + (ulong)name, ByProperty(name, general, special));
        }
    }

    [Fact]
    public void Batch_OneGroup_LeavesTheOtherAlone()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        vcpu.X64.SetSpecialRegisters(new X64SpecialRegisters { Cr2 = 5, Fs = new X64Segment { Base = 7, Limit = 9 } });
        vcpu.X64.SetRegisters([X64Register.Rax], [1]);
        vcpu.X64.SetRegisters([X64Register.FsBase, X64Register.Rbx], [8, 2]);
        Assert.Equal((5UL, 8UL, 9U), (vcpu.X64.GetSpecialRegisters().Cr2, vcpu.X64.GetSpecialRegisters().Fs.Base, vcpu.X64.GetSpecialRegisters().Fs.Limit));
        Assert.Equal((1UL, 2UL), (vcpu.X64.GetRegisters().Rax, vcpu.X64.GetRegisters().Rbx));
        vcpu.X64.GetRegisters([], []);
        vcpu.X64.SetRegisters([], []);
    }

    [Fact]
    public void Batch_WrongUse_IsRefused()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        ArgumentException e = Assert.Throws<ArgumentException>(() => vcpu.X64.GetRegisters([X64Register.Rax], new ulong[2]));
        Assert.Contains("1 registers and 2 values were given: there must be one value per register", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => vcpu.X64.SetRegisters([X64Register.Rax, X64Register.Rbx], [1]));
        Assert.Throws<ArgumentException>(() => vcpu.X64.GetMsrs([1, 2], new ulong[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => vcpu.X64.GetRegisters([(X64Register)99], new ulong[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => vcpu.X64.SetRegisters([(X64Register)99], [1]));
        Assert.Contains("at least 576 bytes, and this one 5", Assert.Throws<ArgumentException>(() => vcpu.X64.SetXsave(new byte[5])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Msrs_OneThatDoesNotExist_IsNamedAndThoseBeforeAreWritten()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        HypervisorException e = Assert.Throws<HypervisorException>(() => vcpu.X64.SetMsrs(new X64MsrValue(X64MsrIndex.Star, 7), new X64MsrValue(0x1234, 1)));
        Assert.Contains("MSR 0x1234", e.Message, StringComparison.Ordinal);
        Assert.Equal(7UL, vcpu.X64.GetMsr(X64MsrIndex.Star));
        Assert.Throws<HypervisorException>(() => vcpu.X64.GetMsr(0x1234));
    }

    [Fact]
    public void Registers_HostRefuses_ReachesTheCaller()
    {
        using ScriptedMachine machine = new();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        machine.Backend.FailNext(ScriptedOperation.GetRegisters);
        Assert.Throws<HypervisorException>(() => vcpu.X64.GetDebugRegisters());
        machine.Backend.FailNext(ScriptedOperation.SetRegisters);
        Assert.Throws<HypervisorException>(() => vcpu.X64.SetDebugRegisters(default));
        byte[] xsave = new byte[4096];
        xsave[0] = 1;
        vcpu.X64.SetXsave(xsave);
        Assert.Equal(xsave, vcpu.X64.GetXsave());
        Assert.True(vcpu.X64.TscFrequency > 0);
    }

    /// <summary>The register's value by the name of the property that holds it.</summary>
    private static ulong ByProperty(X64Register name, X64Registers general, X64SpecialRegisters special) => name switch
    {
        X64Register.FsBase => special.Fs.Base,
        X64Register.GsBase => special.Gs.Base,
        _ when typeof(X64Registers).GetProperty(name.ToString()) is { } property => (ulong)property.GetValue(general)!,
        _ => (ulong)typeof(X64SpecialRegisters).GetProperty(name.ToString())!.GetValue(special)!,
    };
}
