using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>The stack, strings, ports and single flags.</summary>
internal sealed partial class HandlerTable<TMachine>
{
    private void AddStackAndStrings()
    {
        AddStack();
        AddStrings();
        Set(Mnemonic.In, Interpreter<TMachine>.In);
        Set(Mnemonic.Out, Interpreter<TMachine>.Out);
        Set(Mnemonic.Xlatb, Interpreter<TMachine>.TableLookup);
        Set(Mnemonic.Clc, Interpreter<TMachine>.ClearCarry);
        Set(Mnemonic.Stc, Interpreter<TMachine>.SetCarry);
        Set(Mnemonic.Cmc, Interpreter<TMachine>.ComplementCarry);
        Set(Mnemonic.Cld, Interpreter<TMachine>.ClearDirection);
        Set(Mnemonic.Std, Interpreter<TMachine>.SetDirection);
        Set(Mnemonic.Cli, Interpreter<TMachine>.ClearInterrupt);
        Set(Mnemonic.Sti, Interpreter<TMachine>.SetInterrupt);
        Set(Mnemonic.Clac, Interpreter<TMachine>.ClearAccessCheck);
        Set(Mnemonic.Stac, Interpreter<TMachine>.SetAccessCheck);
        Set(Mnemonic.Lahf, Interpreter<TMachine>.LoadAhFromFlags);
        Set(Mnemonic.Sahf, Interpreter<TMachine>.StoreAhToFlags);
        Set(Mnemonic.Salc, Interpreter<TMachine>.SetAlFromCarry);
    }

    private void AddStack()
    {
        Set(Mnemonic.Push, Interpreter<TMachine>.PushOperand);
        foreach (Code code in new[]
        {
            Code.Push_imm16, Code.Pushd_imm32, Code.Pushq_imm32, Code.Pushw_imm8, Code.Pushd_imm8, Code.Pushq_imm8,
        })
        {
            Set(code, Interpreter<TMachine>.PushImmediate);
        }

        Set(Mnemonic.Pop, Interpreter<TMachine>.PopRegister, Interpreter<TMachine>.PopMemory);
        foreach (Code code in new[]
        {
            Code.Pushw_ES, Code.Pushw_CS, Code.Pushw_SS, Code.Pushw_DS, Code.Pushw_FS, Code.Pushw_GS,
            Code.Pushd_ES, Code.Pushd_CS, Code.Pushd_SS, Code.Pushd_DS, Code.Pushd_FS, Code.Pushd_GS, Code.Pushq_FS, Code.Pushq_GS,
        })
        {
            Set(code, Interpreter<TMachine>.PushSegment);
        }

        foreach (Code code in new[]
        {
            Code.Popw_ES, Code.Popw_SS, Code.Popw_DS, Code.Popw_FS, Code.Popw_GS,
            Code.Popd_ES, Code.Popd_SS, Code.Popd_DS, Code.Popd_FS, Code.Popd_GS, Code.Popq_FS, Code.Popq_GS,
        })
        {
            SetLong(code, Interpreter<TMachine>.PopSegment);
        }

        SetLong(Mnemonic.Pusha, Interpreter<TMachine>.PushAll);
        SetLong(Mnemonic.Pushad, Interpreter<TMachine>.PushAll);
        SetLong(Mnemonic.Popa, Interpreter<TMachine>.PopAll);
        SetLong(Mnemonic.Popad, Interpreter<TMachine>.PopAll);
        SetLong(Mnemonic.Enter, Interpreter<TMachine>.Enter);
        Set(Mnemonic.Leave, Interpreter<TMachine>.Leave);
        foreach (Mnemonic push in new[] { Mnemonic.Pushf, Mnemonic.Pushfd, Mnemonic.Pushfq })
        {
            Set(push, Interpreter<TMachine>.PushFlags);
        }

        foreach (Mnemonic pop in new[] { Mnemonic.Popf, Mnemonic.Popfd, Mnemonic.Popfq })
        {
            Set(pop, Interpreter<TMachine>.PopFlags);
        }
    }

    private void AddStrings()
    {
        String<Interpreter<TMachine>.Movs>(Code.Movsb_m8_m8, Code.Movsw_m16_m16, Code.Movsd_m32_m32, Code.Movsq_m64_m64);
        String<Interpreter<TMachine>.Cmps>(Code.Cmpsb_m8_m8, Code.Cmpsw_m16_m16, Code.Cmpsd_m32_m32, Code.Cmpsq_m64_m64);
        String<Interpreter<TMachine>.Scas>(Code.Scasb_AL_m8, Code.Scasw_AX_m16, Code.Scasd_EAX_m32, Code.Scasq_RAX_m64);
        String<Interpreter<TMachine>.Lods>(Code.Lodsb_AL_m8, Code.Lodsw_AX_m16, Code.Lodsd_EAX_m32, Code.Lodsq_RAX_m64);
        String<Interpreter<TMachine>.Stos>(Code.Stosb_m8_AL, Code.Stosw_m16_AX, Code.Stosd_m32_EAX, Code.Stosq_m64_RAX);
        String<Interpreter<TMachine>.Ins>(Code.Insb_m8_DX, Code.Insw_m16_DX, Code.Insd_m32_DX);
        String<Interpreter<TMachine>.Outs>(Code.Outsb_DX_m8, Code.Outsw_DX_m16, Code.Outsd_DX_m32);
    }

    private void String<T>(params ReadOnlySpan<Code> codes)
        where T : struct, Interpreter<TMachine>.IString
    {
        foreach (Code code in codes)
        {
            Set(code, Interpreter<TMachine>.StringOnce<T>);
        }
    }
}
