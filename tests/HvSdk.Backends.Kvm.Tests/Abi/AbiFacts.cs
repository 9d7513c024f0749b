using System.Reflection;
using System.Reflection.Emit;
using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm.Tests.Abi;

/// <summary>Reads from the interop types what they claim.</summary>
internal static class AbiFacts
{
    private const BindingFlags Everything = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    /// <summary>The native structures: every struct of the interop namespace that is not nested and not an inline array.</summary>
    internal static IReadOnlyList<Type> Structs { get; } = StructsBeside(typeof(KVM));

    /// <summary>The native structures that stand in the namespace of a type.</summary>
    internal static IReadOnlyList<Type> StructsBeside(Type neighbour) =>
    [
        .. neighbour.Assembly.GetTypes().Where(type =>
            type is { IsValueType: true, IsEnum: false, IsNested: false, IsGenericType: false } && type.Namespace == neighbour.Namespace),
    ];

    /// <summary>Size of each structure, and size and offset of each of its fields, those of structures nested in it too.</summary>
    internal static IEnumerable<AbiFact> Layouts() =>
    [
        .. Layouts(Structs),
        new("offset of the exit union", "offsetof(struct kvm_run, hw)", kvm_run.ExitUnionOffset),
        new("size of the exit union", "offsetof(struct kvm_run, kvm_valid_regs) - offsetof(struct kvm_run, hw)", kvm_run.ExitUnionSize),
    ];

    /// <summary>The same of given structures.</summary>
    internal static IEnumerable<AbiFact> Layouts(IEnumerable<Type> structs)
    {
        foreach (Type type in structs)
        {
            yield return new($"sizeof {type.Name}", $"sizeof(struct {type.Name})", SizeOf(type));
            foreach (AbiFact fact in Fields(type, type, "", 0))
            {
                yield return fact;
            }
        }
    }

    /// <summary>All numbers of <see cref="KVM"/> and <see cref="LibC"/>.</summary>
    internal static IEnumerable<AbiFact> Constants() => Constants(typeof(KVM), typeof(LibC));

    /// <summary>All numbers of given types; those of 64 bits in full.</summary>
    internal static IEnumerable<AbiFact> Constants(params Type[] types) =>
        from type in types
        from field in type.GetFields(Everything)
        where field.IsLiteral && field.FieldType != typeof(string)
        let value = field.GetRawConstantValue()!
        select value is ulong large
            ? new AbiFact(field.Name, $"(unsigned long long)({field.Name})", large, field.Name)
            : new AbiFact(field.Name, $"(unsigned int)({field.Name})", (uint)Convert.ToInt64(value, null), field.Name);

    internal static ulong SizeOf(Type type) => Measure(type, static (il, type) => il.Emit(OpCodes.Sizeof, type));

    private static IEnumerable<AbiFact> Fields(Type root, Type type, string prefix, ulong start)
    {
        foreach (FieldInfo field in type.GetFields(Everything & ~BindingFlags.Static))
        {
            string path = prefix + field.Name;
            ulong offset = start + OffsetOf(type, field);
            yield return new($"offset of {root.Name}.{path}", $"offsetof(struct {root.Name}, {path})", offset);
            yield return new($"sizeof {root.Name}.{path}", $"sizeof(((struct {root.Name} *)0)->{path})", SizeOf(field.FieldType));
            if (field.FieldType.IsNested)
            {
                foreach (AbiFact fact in Fields(root, field.FieldType, $"{path}.", offset))
                {
                    yield return fact;
                }
            }
        }
    }

    /// <summary>The managed offset: what the field's address is beyond the structure's.</summary>
    private static ulong OffsetOf(Type type, FieldInfo field) => Measure(type, (il, _) =>
    {
        il.DeclareLocal(type);
        il.Emit(OpCodes.Ldloca_S, (byte)0);
        il.Emit(OpCodes.Ldflda, field);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Ldloca_S, (byte)0);
        il.Emit(OpCodes.Conv_U);
        il.Emit(OpCodes.Sub);
    });

    private static ulong Measure(Type type, Action<ILGenerator, Type> emit)
    {
        var method = new DynamicMethod("measure", typeof(ulong), null, typeof(AbiFacts).Module, skipVisibility: true);
        ILGenerator il = method.GetILGenerator();
        emit(il, type);
        il.Emit(OpCodes.Conv_U8);
        il.Emit(OpCodes.Ret);
        return method.CreateDelegate<Func<ulong>>()();
    }
}
