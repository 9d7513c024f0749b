using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Exits, decoded and completed: what the platform gives, what the caller sees, what the platform gets back.</summary>
public sealed unsafe class ExitTests
{
    private const WHV_REGISTER_NAME Rax = WHV_REGISTER_NAME.WHvX64RegisterRax;
    private const WHV_REGISTER_NAME Rdx = WHV_REGISTER_NAME.WHvX64RegisterRdx;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;
    private const ulong Start = 0x1000;
    private const ulong Mmio = 0xC0000;

    [Theory]
    [InlineData(1, 0x1122_3344_5566_7788, 0x1122_3344_5566_77AB)]
    [InlineData(2, 0x1122_3344_5566_7788, 0x1122_3344_5566_CDAB)]
    [InlineData(4, 0x1122_3344_5566_7788, 0x0000_0000_1201_CDAB)]
    public void PortRead_Answered_MergesAsTheProcessorDoesInOneCall(uint size, ulong before, ulong after)
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xEC);
        machine.Processor[Rax] = before;
        machine.ThenPort(isWrite: false, 0x60, size).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.PortRead, exit.Kind);
        Assert.Equal(0x60, exit.Port);
        Assert.Equal((int)size, exit.Size);
        exit.SetValue(0x1201_CDAB);
        machine.Processor.Writes.Clear();
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal([Rax, Rip], Assert.Single(machine.Processor.Writes));
        Assert.Equal(after, machine.Processor[Rax]);
        Assert.Equal(Start + 1, machine.Processor[Rip]);
    }

    [Fact]
    public void PortWrite_Seen_AdvancesRipAlone()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xE6, 0x80);
        machine.Processor[Rax] = 0x5A;
        machine.ThenPort(isWrite: true, 0x80, 1, length: 2).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.PortWrite, exit.Kind);
        Assert.Equal("5A", Convert.ToHexString(exit.Data));
        machine.Processor.Writes.Clear();
        machine.Vcpu.RunOnce();

        Assert.Equal([Rip], Assert.Single(machine.Processor.Writes));
        Assert.Equal(Start + 2, machine.Processor[Rip]);
    }

    [Fact]
    public void PortString_OfTwoItems_IsOneAccessAtATime()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xF3, 0x6C); // rep insb
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRcx] = 2;
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRdi] = 0x2000;
        machine.Processor[Rdx] = 0x60;
        machine.ThenPort(isWrite: false, 0x60, 1, length: 2, isString: true)
            .ThenPort(isWrite: false, 0x60, 1, length: 2, isString: true)
            .Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        machine.Vcpu.RunOnce().SetValue(0x11);
        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.PortRead, exit.Kind);
        exit.SetValue(0x22);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal(0x2211, machine.Partition.Memory.Read<ushort>(0x2000));
        Assert.Equal(Start + 2, machine.Processor[Rip]);
        Assert.Equal(0UL, machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRcx]);
        Span<ulong> pages = [0];
        machine.Ram.CollectDirtyPages(pages);
        Assert.True(DirtyPageBitmap.Contains(pages, 2), "The emulator has written the page for the guest.");
    }

    [Fact]
    public void MmioWrite_WithoutInstructionBytes_IsCompletedByTheEmulator()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA3, 0x00, 0x00); // mov [0], ax
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode((ushort)(Mmio >> 4))) };
        machine.Processor[Rax] = 0x1234;
        machine.ThenMemory(Mmio, WHV_MEMORY_ACCESS_TYPE.WHvMemoryAccessWrite).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.MmioWrite, exit.Kind);
        Assert.Equal(Mmio, exit.Address);
        Assert.Equal("3412", Convert.ToHexString(exit.Data));
        machine.Processor.Writes.Clear();
        machine.Vcpu.RunOnce();

        Assert.Equal([Rip], Assert.Single(machine.Processor.Writes));
        Assert.Equal(Start + 3, machine.Processor[Rip]);
    }

    [Fact]
    public void MmioRead_Answered_GoesToTheRegister()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA1, 0x00, 0x00); // mov ax, [0]
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode((ushort)(Mmio >> 4))) };
        machine.Processor[Rax] = 0xFFFF_0000;
        machine.ThenMemory(Mmio).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        machine.Vcpu.RunOnce().SetValue(0xBEEF);
        machine.Vcpu.RunOnce();

        Assert.Equal(0xFFFF_BEEFUL, machine.Processor[Rax]);
    }

    [Fact]
    public void MmioAccess_FromTheEndOfRam_IsSharedBetweenRamAndDevice()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0x66, 0xA3, 0xFF, 0xEF, 0x66, 0xA1, 0xFF, 0xEF); // mov [0xEFFF], eax; mov eax, [0xEFFF]
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode(0x100)) };
        machine.Processor[Rax] = 0x4433_2211;
        machine.ThenMemory(FakeMachine.RamSize, WHV_MEMORY_ACCESS_TYPE.WHvMemoryAccessWrite)
            .ThenMemory(FakeMachine.RamSize)
            .Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal((VcpuExitKind.MmioWrite, FakeMachine.RamSize), (exit.Kind, exit.Address));
        Assert.Equal("223344", Convert.ToHexString(exit.Data));
        exit = machine.Vcpu.RunOnce();
        Assert.Equal((VcpuExitKind.MmioRead, FakeMachine.RamSize), (exit.Kind, exit.Address));
        exit.SetValue(0x99_8877);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal(0x9988_7711UL, machine.Processor[Rax]);
        Assert.Equal(Start + 8, machine.Processor[Rip]);
    }

    [Fact]
    public void MemoryExit_OfMappedRam_IsPopulatedOnceAndThenEmulated()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA1, 0x00, 0x30); // mov ax, [0x3000]
        machine.Partition.Memory.Write<ushort>(0x3000, 0x4242);
        machine.ThenMemory(0x3000, isUnmapped: false).ThenMemory(0x3000, isUnmapped: false).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal([0x3000UL], machine.Platform.Populated);
        Assert.Equal(0x4242UL, machine.Processor[Rax]);
    }

    [Fact]
    public void MmioExit_RipMovedMeanwhile_GivesTheInstructionUp()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xA1, 0x00, 0x00);
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode((ushort)(Mmio >> 4))) };
        machine.ThenMemory(Mmio).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        machine.Vcpu.RunOnce().SetValue(0xBEEF);
        machine.Vcpu.X64.SetRegisters(machine.Vcpu.X64.GetRegisters() with { Rip = 0x5000, Rax = 7 });
        Assert.Equal(0x5000UL, machine.Vcpu.X64.GetRegisters().Rip);
        machine.Vcpu.RunOnce();

        Assert.Equal(0x5000UL, machine.Processor[Rip]);
        Assert.Equal(7UL, machine.Processor[Rax]);
    }

    [Fact]
    public void MsrRead_AnsweredThenRefused_GivesValueThenGeneralProtection()
    {
        using var machine = new FakeMachine(configure: static options => options.X64.ExitOnUnknownMsr = true);
        machine.Load(Start, 0x0F, 0x32, 0x0F, 0x32);
        machine.ThenMsr(isWrite: false, 0x4B00_0000).ThenMsr(isWrite: false, 0x4B00_0001).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.RegisterRead, exit.Kind);
        Assert.Equal(0x4B00_0000U, exit.RegisterIndex);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(exit.Data, 0x1122_3344_5566_7788);
        machine.Vcpu.RunOnce().Fault();
        Assert.Equal(0x5566_7788UL, machine.Processor[Rax]);
        Assert.Equal(0x1122_3344UL, machine.Processor[Rdx]);
        Assert.Equal(Start + 2, machine.Processor[Rip]);
        machine.Vcpu.RunOnce();

        WHV_X64_PENDING_EXCEPTION_EVENT fault = machine.Processor.Registers[WHV_REGISTER_NAME.WHvRegisterPendingEvent].ExceptionEvent;
        Assert.Equal((1U, 13U, 1U, 0U), (fault.EventPending, fault.Vector, fault.DeliverErrorCode, fault.ErrorCode));
        Assert.Equal(Start + 2, machine.Processor[Rip]);
    }

    [Fact]
    public void MsrExits_RangeWithoutTheMsr_FaultsInTheGuest()
    {
        using var machine = new FakeMachine(configure: static options => options.X64.MsrExits.Add(new X64MsrRange(0x4B00_0000, 1, X64MsrAccess.Write)));
        machine.Load(Start, 0x0F, 0x30);
        machine.Processor[Rax] = 0xFFFF_FFFF_0000_0001;
        machine.Processor[Rdx] = 2;
        machine.ThenMsr(isWrite: false, 0x4B00_0000).ThenMsr(isWrite: true, 0x4B00_0000);

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.RegisterWrite, exit.Kind);
        Assert.Equal(0x2_0000_0001UL, System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(exit.Data));
        Assert.Equal(13U, machine.Processor.Registers[WHV_REGISTER_NAME.WHvRegisterPendingEvent].ExceptionEvent.Vector);
    }

    [Fact]
    public void MsrExits_OfARegisterThatThePlatformHandles_NeedTheActionList()
    {
        static void Configure(PartitionOptions options) => options.X64.MsrExits.Add(new X64MsrRange(X64MsrIndex.Lstar, 1, X64MsrAccess.Read));
        using var platform = new FakePlatform();
        using (new FakeMachine(platform, Configure))
        {
            byte[] entry = platform.Partition.Properties[WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeMsrActionList];
            Assert.Equal([0x82, 0, 0, 0xC0, (byte)WHV_MSR_ACTION.WHvMsrActionExit, 0, 0, 0], entry);
        }

        platform.UnknownProperties.Add(WHV_PARTITION_PROPERTY_CODE.WHvPartitionPropertyCodeMsrActionList);
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => new FakeMachine(platform, Configure));
        Assert.Contains("0xC0000082", e.Message, StringComparison.Ordinal);
        Assert.Contains("WHV_E_UNKNOWN_PROPERTY", e.Message, StringComparison.Ordinal);
        Assert.Empty(platform.Partitions);
    }

    [Fact]
    public void Hypercall_Answered_GoesToRax()
    {
        using var machine = new FakeMachine(configure: static options => options.ExitOnHypercall = true);
        machine.Load(Start, 0x0F, 0x01, 0xC1);
        machine.Then(static (_, exit) =>
        {
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonHypercall;
            exit->VpContext.InstructionLength = 3;
            exit->Hypercall = new WHV_HYPERCALL_CONTEXT { Rax = 12, Rbx = 1, Rcx = 2, Rdx = 3, Rsi = 4, Rdi = 5, R8 = 6 };
        }).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.Hypercall, exit.Kind);
        Assert.Equal(12UL, exit.HypercallNumber);
        Assert.Equal([1UL, 2, 3, 4, 5, 6], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(exit.RawData).ToArray());
        exit.SetValue(0x99);
        machine.Vcpu.RunOnce();

        Assert.Equal(0x99UL, machine.Processor[Rax]);
        Assert.Equal(Start + 3, machine.Processor[Rip]);
    }

    [Theory]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt, VcpuExitKind.Halt)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnrecoverableException, VcpuExitKind.Shutdown)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonInvalidVpRegisterValue, VcpuExitKind.EntryFailure)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonNone, VcpuExitKind.Unknown)]
    [InlineData((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Rdtsc, VcpuExitKind.Unknown)]
    [InlineData(0x7FFF_FFFF, VcpuExitKind.Unknown)]
    public void Exit_WithoutAccess_HasItsKindAndReason(uint reason, VcpuExitKind kind)
    {
        using var machine = new FakeMachine();
        machine.Then((WHV_RUN_VP_EXIT_REASON)reason);

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(kind, exit.Kind);
        Assert.Equal(reason, exit.RawReason);
    }

    [Fact]
    public void Run_ThatThePlatformRefuses_IsAValue()
    {
        using var machine = new FakeMachine();
        _ = machine.Vcpu;
        machine.Platform.Results[nameof(WhvFunctions.WHvRunVirtualProcessor)] = HRESULTS.WHV_E_INVALID_VP_STATE;

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.HostFailure, exit.Kind);
        Assert.Equal(unchecked((uint)HRESULTS.WHV_E_INVALID_VP_STATE), exit.RawReason);
    }

    [Fact]
    public void UnsupportedFeature_InstructionThatTheEmulatorKnows_IsDone()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xB8, 0x34, 0x12); // mov ax, 0x1234
        machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnsupportedFeature).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal(0x1234UL, machine.Processor[Rax]);
    }

    [Fact]
    public void EndOfInterrupt_OfALevelTriggeredLine_AcknowledgesItsTrigger()
    {
        using var machine = new FakeMachine(configure: static options => options.InterruptController = InterruptControllerMode.PerVcpu);
        machine.Then(static (_, exit) =>
        {
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64ApicEoi;
            exit->ApicEoi.InterruptVector = 0x41;
        });
        machine.Partition.Interrupts.SetRoutes([InterruptRoute.ToMessage(5, new MsiMessage(0xFEE0_0000, 0x8041))]);
        using InterruptTrigger trigger = machine.Partition.Interrupts.CreateTrigger(machine.Partition.Interrupts.GetLine(5), levelTriggered: true);
        trigger.Signal();
        trigger.Signal();
        WHV_INTERRUPT_CONTROL sent = Assert.Single(machine.Platform.Interrupts);
        Assert.Equal((0x41U, 1U), (sent.Vector, sent.TriggerMode));

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.EndOfInterrupt, exit.Kind);
        Assert.Equal(0x41, exit.Vector);
        Assert.True(trigger.WaitForAcknowledge(TimeSpan.Zero));
        Assert.False(trigger.WaitForAcknowledge(TimeSpan.Zero));
    }
}
