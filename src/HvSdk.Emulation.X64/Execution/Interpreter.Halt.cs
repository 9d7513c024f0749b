namespace HvSdk.Emulation;

/// <summary>Instructions that leave the emulator: HLT, VMCALL, VMMCALL.</summary>
internal static partial class Interpreter<TMachine>
{
    internal static bool Halt(Core c, ref TMachine m, in Op op)
    {
        if (c.Cpl != 0)
        {
            return c.GeneralProtection();
        }

        c.Outcome = Outcome.Halt;
        return false;
    }

    internal static bool Hypercall(Core c, ref TMachine m, in Op op)
    {
        c.Outcome = Outcome.Hypercall;
        return false;
    }
}
