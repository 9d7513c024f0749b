using System.Buffers.Binary;
using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Hypercalls of AArch64: HVC and SMC.</summary>
[Arm64Only]
public sealed class Arm64HypercallTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Call_WithArguments_LeavesAndGetsItsResult(bool isMonitorCall)
    {
        // Calls with arguments in X1 to X7, and tells what X0 holds then.
        using TestMachine machine = Arm64Guest.Create(
            a =>
            {
                a.Mov(0, Arm64Guest.FirstCall);
                for (int i = 1; i < 8; i++)
                {
                    a.Mov(i, (ulong)i * 0x11);
                }

                if (isMonitorCall)
                {
                    a.Smc(5);
                }
                else
                {
                    a.Hvc(5);
                }

                a.Tell(0);
            },
            static options => options.ExitOnHypercall = true);

        VcpuExit call = machine.RunOnce(VcpuExitKind.Hypercall);
        Assert.Equal(Arm64Guest.FirstCall, call.HypercallNumber);
        for (int i = 1; i < 8; i++)
        {
            Assert.Equal((ulong)i * 0x11, BinaryPrimitives.ReadUInt64LittleEndian(call.RawData[((i - 1) * 8)..]));
        }

        call.SetValue(0x99);
        Assert.Equal(0x99UL, machine.NextTold());
    }

    [Fact]
    public void Call_ThatNobodyAnswers_IsNotSupported()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Call(Arm64Guest.FirstCall);
            a.Tell(0);
            a.Mov(0, Arm64Guest.FirstCall);
            a.Smc();
            a.Tell(0);
        });

        // NOT_SUPPORTED is -1 (DEN 0028, 5.3).
        Assert.Equal(ulong.MaxValue, machine.NextTold());
        Assert.Equal(ulong.MaxValue, machine.NextTold());
    }

    [Fact]
    public void Call_FromUsersLevel_IsTheGuestsOwnFault()
    {
        using var machine = new TestMachine(new Arm64Program(static a => a.Hvc(), privilegeLevel: 3), static options => options.ExitOnHypercall = true);

        Assert.Equal(Arm64Program.FaultPlace, machine.RunOnce(VcpuExitKind.MmioWrite).Address);
        Assert.Equal(Arm64Guest.UndefinedSyndrome, machine.Vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.EsrEl1));
    }
}
