using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Exits for what the platform lacks: one instruction where it names one, none where it does not.</summary>
public sealed unsafe class UnsupportedFeatureTests
{
    private const WHV_X64_UNSUPPORTED_FEATURE_CODE Intercept = WHV_X64_UNSUPPORTED_FEATURE_CODE.WHvUnsupportedFeatureIntercept;
    private const WHV_X64_UNSUPPORTED_FEATURE_CODE TaskSwitch = WHV_X64_UNSUPPORTED_FEATURE_CODE.WHvUnsupportedFeatureTaskSwitchTss;
    private const WHV_REGISTER_NAME Rax = WHV_REGISTER_NAME.WHvX64RegisterRax;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;
    private const ulong Start = 0x1000;

    [Fact]
    public void Intercept_OfAnInstructionThatTheEmulatorKnows_IsDone()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xB8, 0x34, 0x12); // mov ax, 0x1234
        machine.ThenUnsupported(Intercept, length: 3).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);

        Assert.Equal((0x1234UL, Start + 3), (machine.Processor[Rax], machine.Processor[Rip]));
    }

    [Fact]
    public void Intercept_OfAnInstructionThatNobodyKnows_IsAnEmulationFailureWithItsBytes()
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0x66, 0x0F, 0x38, 0xDC, 0xC1); // aesenc
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterCr4] = 1 << 9; // OSFXSR
        machine.ThenUnsupported(Intercept, length: 5);

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.EmulationFailure, exit.Kind);
        Assert.StartsWith("660F38DCC1", Convert.ToHexString(exit.InstructionBytes), StringComparison.Ordinal);
        Assert.Equal(Start, machine.Processor[Rip]);
    }

    [Theory]
    [InlineData((uint)Intercept, 0)]
    [InlineData((uint)TaskSwitch, 0)]
    [InlineData((uint)TaskSwitch, 2)]
    [InlineData(0, 3)]
    [InlineData(0x7FFF_FFFF, 3)]
    public void Exit_OfAnotherCauseThanAnInstruction_ExecutesNothing(uint code, uint length)
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0xB8, 0x34, 0x12); // mov ax, 0x1234, which nobody has asked for
        machine.ThenUnsupported((WHV_X64_UNSUPPORTED_FEATURE_CODE)code, length, parameter: 0x1122_3344_5566_7788).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
        machine.Processor.Writes.Clear();

        VcpuExit exit = machine.Vcpu.RunOnce();

        Assert.Equal(VcpuExitKind.EmulationFailure, exit.Kind);
        Assert.True(exit.InstructionBytes.IsEmpty, "The platform has named no instruction.");
        Assert.Equal((uint)WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnsupportedFeature, exit.RawReason);
        Assert.Equal(code, System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(exit.RawData));
        Assert.Equal(0x1122_3344_5566_7788UL, System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(exit.RawData[8..]));
        Assert.Equal((0UL, Start), (machine.Processor[Rax], machine.Processor[Rip]));
        Assert.DoesNotContain(Rip, machine.Processor.Writes.SelectMany(static names => names));
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
    }

    [Fact]
    public void Intercept_WithoutEnd_EndsByTheCallersCancel()
    {
        // Each entry is refused at its instruction: the emulator goes on by one each time, and the caller keeps the last word.
        using var machine = new FakeMachine();
        machine.Load(Start, 0x40, 0x40, 0x40, 0xEB, 0xFB); // inc ax; three times; jmp back
        for (int i = 0; i < 100; i++)
        {
            machine.ThenUnsupported(Intercept, length: 1);
        }

        machine.Then((_, exit) =>
        {
            machine.Vcpu.Cancel();
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonCanceled;
        });

        Assert.Equal(VcpuExitKind.Canceled, machine.Vcpu.RunOnce().Kind);
        Assert.Equal(75UL, machine.Processor[Rax]);
    }
}
