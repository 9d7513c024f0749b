using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Exits of RDMSR and WRMSR: which are asked for, and what their answers do.</summary>
public sealed class MsrExitTests
{
    private const WHV_REGISTER_NAME Rax = WHV_REGISTER_NAME.WHvX64RegisterRax;
    private const WHV_REGISTER_NAME Rdx = WHV_REGISTER_NAME.WHvX64RegisterRdx;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;
    private const ulong Start = 0x1000;

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
}
