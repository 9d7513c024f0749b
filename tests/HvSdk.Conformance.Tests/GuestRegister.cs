using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>General registers that guests of every architecture have.</summary>
public enum GuestRegister
{
    /// <summary>What accesses carry where nothing else is said: RAX, X0.</summary>
    Value,

    /// <summary>Where they go where nothing else is said: RDI, X1.</summary>
    Address,

    /// <summary>RCX, X2.</summary>
    Count,

    /// <summary>RBX, X3.</summary>
    First,

    /// <summary>R8, X4.</summary>
    Second,

    /// <summary>R9, X5.</summary>
    Third,
}

/// <summary>Registers of a vCPU by the names that all architectures share.</summary>
internal static class GuestRegisters
{
    private static bool IsX64 => LiveHypervisor.Architecture == GuestArchitecture.X64;

    public static ulong Read(this Vcpu vcpu, GuestRegister register)
    {
        Span<ulong> value = stackalloc ulong[1];
        if (IsX64)
        {
            vcpu.X64.GetRegisters([NameOnX64(register)], value);
        }
        else
        {
            vcpu.Arm64.GetRegisters([NameOnArm64(register)], value);
        }

        return value[0];
    }

    public static ulong Read(this TestMachine machine, GuestRegister register) => machine.Vcpu.Read(register);

    public static void Write(this Vcpu vcpu, GuestRegister register, ulong value)
    {
        if (IsX64)
        {
            vcpu.X64.SetRegisters([NameOnX64(register)], [value]);
        }
        else
        {
            vcpu.Arm64.SetRegisters([NameOnArm64(register)], [value]);
        }
    }

    public static void Write(this TestMachine machine, GuestRegister register, ulong value) => machine.Vcpu.Write(register, value);

    /// <summary>RIP, PC.</summary>
    public static ulong ProgramCounter(this TestMachine machine) => IsX64 ? machine.Registers.Rip : machine.Vcpu.Arm64.GetRegisters().Pc;

    /// <summary>Reads all of them, for a test that needs no value.</summary>
    public static void ReadRegisters(this Vcpu vcpu)
    {
        if (IsX64)
        {
            _ = vcpu.X64.GetRegisters();
        }
        else
        {
            _ = vcpu.Arm64.GetRegisters();
        }
    }

    /// <summary>Saves the vCPU's state and loads it again.</summary>
    public static void SaveAndLoadState(this Vcpu vcpu)
    {
        if (IsX64)
        {
            vcpu.X64.LoadState(vcpu.X64.SaveState());
        }
        else
        {
            vcpu.Arm64.LoadState(vcpu.Arm64.SaveState());
        }
    }

    private static X64Register NameOnX64(GuestRegister register) => register switch
    {
        GuestRegister.Value => X64Register.Rax,
        GuestRegister.Address => X64Register.Rdi,
        GuestRegister.Count => X64Register.Rcx,
        GuestRegister.First => X64Register.Rbx,
        GuestRegister.Second => X64Register.R8,
        _ => X64Register.R9,
    };

    private static Arm64Register NameOnArm64(GuestRegister register) => Arm64Register.X0 + (int)register;
}
