using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>Pieces of AArch64 guests, and what their exits tell. X27 is the device's place, X28 the host's.</summary>
internal static class Arm64Guest
{
    /// <summary>Function numbers of the test's own (SMC calling convention, DEN 0028, 2.5: fast, 64 bits, of the vendor's hypervisor).</summary>
    public const ulong FirstCall = 0xC600_0001;

    /// <summary>ESR_ELx.EC of an instruction that the processor does not know (Arm ARM, D19.2.37), and the length of the instruction.</summary>
    public const ulong UndefinedSyndrome = 1UL << 25;

    private const int Device = 27;
    private const int Host = 28;

    /// <summary>A machine with a program.</summary>
    public static TestMachine Create(
        Action<Arm64Assembler> body, Action<PartitionOptions>? configure = null, params ReadOnlySpan<(Arm64Vector Vector, Action<Arm64Assembler> Body)> handlers) =>
        new(new Arm64Program(body, handlers: handlers), configure);

    /// <summary>Tells the host 8 bytes of a register.</summary>
    public static void Tell(this Arm64Assembler a, int register) => a.Str(register, Host, 8);

    /// <summary>Asks the host for a byte, into X0.</summary>
    public static void Ask(this Arm64Assembler a) => a.Ldr(0, Host, 1);

    /// <summary>Asks the host for ever.</summary>
    public static void AskForEver(this Arm64Assembler a)
    {
        Arm64Label loop = new();
        a.Mark(loop);
        a.Ask();
        a.B(loop);
    }

    /// <summary>The address of the device, in X1.</summary>
    public static void AddressDevice(this Arm64Assembler a) => a.AddRegister(1, Device, Arm64Assembler.Zero);

    /// <summary>Calls a function by HVC, with arguments in X1 to X3; the result is in X0.</summary>
    public static void Call(this Arm64Assembler a, ulong function, params ReadOnlySpan<ulong> arguments)
    {
        a.Mov(0, function);
        for (int i = 0; i < arguments.Length; i++)
        {
            a.Mov(i + 1, arguments[i]);
        }

        a.Hvc();
    }

    /// <summary>Runs the guest to what it tells next.</summary>
    public static ulong NextTold(this TestMachine machine)
    {
        VcpuExit exit = machine.RunOnce(VcpuExitKind.MmioWrite);
        Assert.Equal((Arm64Program.HostPlace, sizeof(ulong)), (exit.Address, exit.Size));
        return exit.Value;
    }

    /// <summary>The same of a vCPU on a thread of its own.</summary>
    public static ulong NextTold(this Vcpu vcpu)
    {
        VcpuExit exit = vcpu.RunOnceBounded();
        if (exit.Kind != VcpuExitKind.MmioWrite || exit.Address != Arm64Program.HostPlace)
        {
            exit.ThrowUnexpected();
        }

        return exit.Value;
    }
}
