using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>x87, FXSAVE and XSAVE.</summary>
internal sealed partial class HandlerTable<TMachine>
{
    private void AddX87()
    {
        Set(Mnemonic.Fninit, Interpreter<TMachine>.InitializeX87);
        Set(Mnemonic.Fnclex, Interpreter<TMachine>.ClearX87Exceptions);
        Set(Mnemonic.Wait, Interpreter<TMachine>.WaitX87);
        Set(Mnemonic.Fnop, Interpreter<TMachine>.NothingX87);
        Set(Mnemonic.Fnstcw, Interpreter<TMachine>.StoreX87Control);
        Set(Mnemonic.Fldcw, Interpreter<TMachine>.LoadX87Control);
        Set(Mnemonic.Fnstsw, Interpreter<TMachine>.StoreX87Status);
        Set(Mnemonic.Emms, Interpreter<TMachine>.EmptyMmx);
        Set(Code.Fnstenv_m14byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreEnvironment(c, ref m, op, wide: false, whole: false));
        Set(Code.Fnstenv_m28byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreEnvironment(c, ref m, op, wide: true, whole: false));
        Set(Code.Fnsave_m94byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreEnvironment(c, ref m, op, wide: false, whole: true));
        Set(Code.Fnsave_m108byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreEnvironment(c, ref m, op, wide: true, whole: true));
        Set(Code.Fldenv_m14byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadEnvironment(c, ref m, op, wide: false, whole: false));
        Set(Code.Fldenv_m28byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadEnvironment(c, ref m, op, wide: true, whole: false));
        Set(Code.Frstor_m94byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadEnvironment(c, ref m, op, wide: false, whole: true));
        Set(Code.Frstor_m108byte, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadEnvironment(c, ref m, op, wide: true, whole: true));
        Set(Code.Fld_m80fp, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadX87(c, ref m, op, isInteger: false));
        Set(Mnemonic.Fild, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadX87(c, ref m, op, isInteger: true));
        Set(Code.Fstp_m80fp, Interpreter<TMachine>.StoreX87);
    }

    private void AddSaves()
    {
        Set(Mnemonic.Fxsave, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.SaveLegacy(c, ref m, op, is64: false));
        Set(Mnemonic.Fxsave64, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.SaveLegacy(c, ref m, op, is64: true));
        Set(Mnemonic.Fxrstor, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.RestoreLegacy(c, ref m, op, is64: false));
        Set(Mnemonic.Fxrstor64, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.RestoreLegacy(c, ref m, op, is64: true));
        AddSave(Mnemonic.Xsave, Mnemonic.Xsave64, Interpreter<TMachine>.SaveKind.Plain, supervisor: false);
        AddSave(Mnemonic.Xsaveopt, Mnemonic.Xsaveopt64, Interpreter<TMachine>.SaveKind.Optimized, supervisor: false);
        AddSave(Mnemonic.Xsavec, Mnemonic.Xsavec64, Interpreter<TMachine>.SaveKind.Compacted, supervisor: false);
        AddSave(Mnemonic.Xsaves, Mnemonic.Xsaves64, Interpreter<TMachine>.SaveKind.Compacted, supervisor: true);
        AddRestore(Mnemonic.Xrstor, Mnemonic.Xrstor64, supervisor: false);
        AddRestore(Mnemonic.Xrstors, Mnemonic.Xrstors64, supervisor: true);
    }

    private void AddSave(Mnemonic mnemonic, Mnemonic mnemonic64, Interpreter<TMachine>.SaveKind kind, bool supervisor)
    {
        Set(mnemonic, (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.SaveExtended(c, ref m, op, is64: false, kind, supervisor));
        Set(mnemonic64, (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.SaveExtended(c, ref m, op, is64: true, kind, supervisor));
    }

    private void AddRestore(Mnemonic mnemonic, Mnemonic mnemonic64, bool supervisor)
    {
        Set(mnemonic, (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.RestoreExtended(c, ref m, op, is64: false, supervisor));
        Set(mnemonic64, (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.RestoreExtended(c, ref m, op, is64: true, supervisor));
    }
}
