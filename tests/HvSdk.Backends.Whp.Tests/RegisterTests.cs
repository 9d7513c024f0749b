using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Registers and state, in batches from aligned memory (the fake refuses others).</summary>
public sealed class RegisterTests
{
    [Fact]
    public void Registers_Written_AreRead()
    {
        using var machine = new FakeMachine();
        X64Registers registers = new()
        {
            Rax = 1,
            Rbx = 2,
            Rcx = 3,
            Rdx = 4,
            Rsi = 5,
            Rdi = 6,
            Rsp = 7,
            Rbp = 8,
            R8 = 9,
            R9 = 10,
            R10 = 11,
            R11 = 12,
            R12 = 13,
            R13 = 14,
            R14 = 15,
            R15 = 16,
            Rip = 17,
            Rflags = 18,
        };

        machine.Vcpu.X64.SetRegisters(registers);

        Assert.Equal(registers, machine.Vcpu.X64.GetRegisters());
        Assert.Equal(2UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRbx]);
        Assert.Equal(7UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRsp]);
    }

    [Fact]
    public void SpecialRegisters_Written_AreRead()
    {
        using var machine = new FakeMachine();
        X64SpecialRegisters registers = machine.Vcpu.X64.GetSpecialRegisters() with
        {
            Cs = X64Segment.FlatCode(0x8, isLong: true),
            Ds = X64Segment.FlatData(0x10),
            Es = X64Segment.FlatData(0x18),
            Gdt = new X64DescriptorTable(0x1000, 0x7F),
            Idt = new X64DescriptorTable(0x2000, 0xFFF),
            Cr0 = 0x8000_0011,
            Cr3 = 0x3000,
            Cr4 = 0x20,
            Cr8 = 5,
            Efer = 0x500,
            ApicBase = 0xFEE0_0900,
        };

        machine.Vcpu.X64.SetSpecialRegisters(registers);

        Assert.Equal(registers, machine.Vcpu.X64.GetSpecialRegisters());
    }

    [Fact]
    public void ApicBase_Unchanged_IsNotWritten()
    {
        using var machine = new FakeMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterApicBase] = 0xFEE0_0900;
        X64SpecialRegisters registers = machine.Vcpu.X64.GetSpecialRegisters();
        machine.Processor.Writes.Clear();

        machine.Vcpu.X64.SetSpecialRegisters(registers with { Cr3 = 0x5000 });

        Assert.All(machine.Processor.Writes, static names => Assert.DoesNotContain(WHV_REGISTER_NAME.WHvX64RegisterApicBase, names));
    }

    [Fact]
    public void Msrs_KnownAndUnknown_AreReadOrNamed()
    {
        using var machine = new FakeMachine();
        X64Vcpu x64 = machine.Vcpu.X64;
        x64.SetMsr(X64MsrIndex.Lstar, 0x1234);
        x64.SetMsr(X64MsrIndex.FsBase, 0x5678);

        Assert.Equal(0x1234UL, x64.GetMsr(X64MsrIndex.Lstar));
        Assert.Equal(0x5678UL, x64.GetSpecialRegisters().Fs.Base);
        Assert.Contains("MSR 0x4B000000", Assert.Throws<HypervisorException>(() => x64.GetMsr(0x4B00_0000)).Message, StringComparison.Ordinal);
        Assert.Contains("MSR 0x4B000000", Assert.Throws<HypervisorException>(() => x64.SetMsr(0x4B00_0000, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MsrIndexes_OfAPlatformThatLacksSome_AreThoseThatItHas()
    {
        using var platform = new FakePlatform();
        platform.UnknownRegisters.Add(WHV_REGISTER_NAME.WHvX64RegisterXfd);
        using var machine = new FakeMachine(platform);

        IReadOnlyList<uint> indexes = machine.Hypervisor.X64.GetMsrIndexes();

        Assert.Contains(X64MsrIndex.Star, indexes);
        Assert.DoesNotContain(0x1C4U, indexes);
    }

    [Fact]
    public void State_SavedAndLoadedIntoAnother_IsTheSame()
    {
        static void Configure(PartitionOptions options)
        {
            options.InterruptController = InterruptControllerMode.PerVcpu;
            options.MaxVcpus = 2;
        }

        using var machine = new FakeMachine(configure: Configure);
        FakeProcessor processor = machine.Processor;
        new Random(2).NextBytes(processor.ApicPage.AsSpan(0, 1024));
        processor[WHV_REGISTER_NAME.WHvX64RegisterLstar] = 0x77;
        processor[WHV_REGISTER_NAME.WHvRegisterInternalActivityState] = 2;
        processor.Registers[WHV_REGISTER_NAME.WHvRegisterPendingInterruption] =
            new() { PendingInterruption = new() { InterruptionPending = 1, InterruptionType = 3, InterruptionVector = 14, DeliverErrorCode = 1, ErrorCode = 6 } };
        X64VcpuState state = machine.Vcpu.X64.SaveState();
        Vcpu other = machine.Partition.CreateVcpu(1);

        other.X64.LoadState(state);

        X64VcpuState loaded = other.X64.SaveState();
        Assert.Equal(X64ActivityState.Halted, loaded.Activity);
        Assert.Equal(((byte?)14, true, (uint?)6), (loaded.Events.ExceptionVector, loaded.Events.ExceptionInjected, loaded.Events.ExceptionErrorCode));
        Assert.Equal(state.LocalApic, loaded.LocalApic);
        Assert.Equal(state.Registers, loaded.Registers);
        Assert.Equal(state.SpecialRegisters, loaded.SpecialRegisters);
        Assert.Equal(state.Msrs, loaded.Msrs);
        Assert.Equal(state.Events, loaded.Events);
    }

    [Fact]
    public void Statistics_OfPartitionAndVcpu_HaveTheNamesOfTheHeader()
    {
        using var machine = new FakeMachine();

        Assert.Equal(WhpStatistics.Memory, machine.Partition.ReadHostStatistics().Select(static counter => counter.Name));
        IReadOnlyList<HostStatistic> counters = machine.Vcpu.ReadHostStatistics();
        Assert.Equal([.. WhpStatistics.Runtime, .. WhpStatistics.Events], counters.Select(static counter => counter.Name));
        Assert.Equal(("seconds", -7, 100UL), (counters[0].Unit, counters[0].Exponent, counters[0].Value));
    }

    [Fact]
    public void TscFrequency_UnknownToThePlatform_IsAnErrorInWords()
    {
        using var platform = new FakePlatform();
        using (var machine = new FakeMachine(platform))
        {
            Assert.Equal(2_000_000_000, machine.Vcpu.X64.TscFrequency);
        }

        platform.Capabilities.Remove(WHV_CAPABILITY_CODE.WHvCapabilityCodeProcessorClockFrequency);
        using var old = new FakeMachine(platform);
        HypervisorException e = Assert.Throws<HypervisorException>(() => old.Vcpu.X64.TscFrequency);
        Assert.Contains("WHvCapabilityCodeProcessorClockFrequency", e.Operation, StringComparison.Ordinal);
    }
}
